/**
 * The architecture as a table: which folder may import from which. `npm run imports` holds it.
 * In core, in reading order, a folder imports only from those before it; server and client meet only at the transport contract.
 */
const core = 'packages/core/src';
const mayImport = {
  kernel: [],
  model: ['kernel'],
  contracts: ['model', 'kernel'],
  'store-kit': ['contracts', 'model', 'kernel'],
  server: ['contracts', 'model', 'kernel'],
  client: ['contracts', 'model', 'kernel'],
  control: ['client', 'contracts', 'model', 'kernel'],
  testing: ['control', 'client', 'server', 'contracts', 'model', 'kernel'],
};
const layers = Object.keys(mayImport);

/** Tests, and what only they use. */
const TEST = '\\.test\\.ts$|/src/test(-support)?/';

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Types may refer to each other across files: such imports are gone when the code runs, and have no order.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    ...layers.map((layer) => ({
      name: `core-${layer}`,
      comment: `${layer} may import ${mayImport[layer].join(', ') || 'nothing'} of core`,
      severity: 'error',
      from: { path: `^${core}/${layer}/`, pathNot: '\\.test\\.ts$' },
      to: { path: `^${core}/`, pathNot: `^${core}/(${[layer, ...mayImport[layer]].join('|')})/` },
    })),
    {
      name: 'model-is-pure',
      severity: 'error',
      from: { path: `^${core}/model/`, pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'inversify-only-in-boot',
      severity: 'error',
      from: { path: '^packages/', pathNot: `(^${core}/kernel/boot\\.ts|\\.test\\.ts)$` },
      to: { path: 'node_modules/(inversify|@inversifyjs|reflect-metadata)/' },
    },
    { name: 'tapable-only-in-hooks', severity: 'error', from: { path: '^packages/', pathNot: `^${core}/kernel/hooks\\.ts$` }, to: { path: 'node_modules/tapable/' } },
    {
      name: 'testing-is-not-shipped',
      severity: 'error',
      from: { path: '^packages/(core|plugins)/', pathNot: `(^${core}/testing/|${TEST})` },
      to: { path: `^${core}/testing/` },
    },
    {
      name: 'engines-are-for-tests',
      comment: 'What starts real parts for tests, benches and the tour is not shipped.',
      severity: 'error',
      from: { path: '^packages/(core|plugins|vectors|simulation)/', pathNot: TEST },
      to: { path: '^packages/engines/' },
    },
    {
      name: 'plugins-do-not-meet',
      comment: 'A plugin imports core and its own driver; only a preset imports the plugin it is over, through its public entry. stream-channels, cel and webhook-client are libraries.',
      severity: 'error',
      from: { path: '^packages/plugins/([^/]+)/', pathNot: `(${TEST}|^packages/plugins/scheduler-(bin-packing|spread)/)` },
      to: { path: '^packages/plugins/', pathNot: '^packages/plugins/($1|stream-channels|cel|webhook-client)/' },
    },
    {
      name: 'plugins-see-the-cluster-through-the-client',
      severity: 'error',
      from: { path: '^packages/(plugins|examples)/', pathNot: '\\.test\\.ts$' },
      to: { path: `^${core}/`, pathNot: `^${core}/(index|contracts/index|testing/index)\\.ts$` },
    },
    {
      name: 'no-deep-imports',
      severity: 'error',
      from: { path: '^packages/([^/]+|(plugins|examples)/[^/]+)/' },
      to: { path: '^packages/plugins/[^/]+/src/', pathNot: '(^packages/plugins/[^/]+/src/index\\.ts$|^packages/$1/)' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(/dist/|/lib/)' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.lint.json' },
    enhancedResolveOptions: { exportsFields: [], conditionNames: ['import'], mainFields: ['main'], extensions: ['.ts', '.js'] },
  },
};
