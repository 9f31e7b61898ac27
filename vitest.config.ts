import { existsSync, readdirSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

const root = new URL('./', import.meta.url).pathname;

/** Packages are tested from their sources: `@orrery/x` → packages/plugins/x/src/index.ts. */
const aliases = [
  { find: /^@orrery\/core$/, replacement: `${root}packages/core/src/index.ts` },
  { find: /^@orrery\/core\/(contracts|testing)$/, replacement: `${root}packages/core/src/$1/index.ts` },
  { find: '@orrery/engines', replacement: `${root}packages/engines/src/index.ts` },
  ...(existsSync(`${root}packages/plugins`) ? readdirSync(`${root}packages/plugins`) : []).map((name) => ({
    find: `@orrery/${name}`,
    replacement: `${root}packages/plugins/${name}/src/index.ts`,
  })),
];

/** In which order projects run, and how many files at the same time. Those that compute take a core each; those that wait for engines leave room for one more. */
const ORDER = { simulation: { groupOrder: 0, maxWorkers: 2 }, integration: { groupOrder: 1, maxWorkers: 3 }, conformance: { groupOrder: 2, maxWorkers: 3 }, unit: { groupOrder: 3, maxWorkers: 2 } } as const;

/** A test's project is told by its file name, so that a reader and a runner agree. */
const project = (name: keyof typeof ORDER, include: string[], testTimeout: number) => ({
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: false } },
  resolve: { alias: aliases },
  // A worker loads a module once for all of its files: loading them for each took longer than the unit tests. So no test may leave anything behind in a module.
  test: { name, include, testTimeout, hookTimeout: testTimeout, isolate: false, maxWorkers: ORDER[name].maxWorkers, sequence: { groupOrder: ORDER[name].groupOrder } },
});

const notUnit = ['**/*.{conformance,integration,simulation}.test.ts', '**/node_modules/**', '**/dist/**'];
const unit = project('unit', ['packages/**/src/**/*.test.ts', 'bench/src/**/*.test.ts'], 20_000);

export default defineConfig({
  test: {
    coverage: { provider: 'v8', include: ['packages/*/src/**', 'packages/plugins/*/src/**'] },
    projects: [
      { ...unit, test: { ...unit.test, exclude: notUnit } },
      project('conformance', ['packages/**/src/**/*.conformance.test.ts'], 60_000),
      project('integration', ['packages/**/src/**/*.integration.test.ts'], 120_000),
      project('simulation', ['packages/**/src/**/*.simulation.test.ts'], 300_000),
    ],
  },
});
