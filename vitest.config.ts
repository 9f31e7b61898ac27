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

/** A test's project is told by its file name, so that a reader and a runner agree. */
const project = (name: string, include: string[], testTimeout: number) => ({
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: false } },
  resolve: { alias: aliases },
  // A worker loads a module once for all of its files: loading them for each took longer than the unit tests. So no test may leave anything behind in a module.
  test: { name, include, testTimeout, hookTimeout: testTimeout, isolate: false },
});

const notUnit = ['**/*.{conformance,integration,simulation}.test.ts', '**/node_modules/**', '**/dist/**'];
const unit = project('unit', ['packages/**/src/**/*.test.ts', 'bench/src/**/*.test.ts'], 20_000);

export default defineConfig({
  test: {
    // Most of the time goes into waiting for engines, not into computing.
    maxWorkers: 2,
    coverage: { provider: 'v8', include: ['packages/*/src/**', 'packages/plugins/*/src/**'] },
    projects: [
      { ...unit, test: { ...unit.test, exclude: notUnit } },
      project('conformance', ['packages/**/src/**/*.conformance.test.ts'], 60_000),
      project('integration', ['packages/**/src/**/*.integration.test.ts'], 120_000),
      project('simulation', ['packages/**/src/**/*.simulation.test.ts'], 300_000),
    ],
  },
});
