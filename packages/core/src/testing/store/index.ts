import { runSuite, type SuiteApi, type SuiteCase } from '../suite.js';
import { boundCases } from './bound-cases.js';
import { commitCases } from './commit-cases.js';
import type { StoreContext } from './context.js';
import { handleCases } from './handle-cases.js';
import { leaseCases } from './lease-cases.js';
import { regressionCases } from './regression-cases.js';
import { snapshotCases } from './snapshot-cases.js';
import { watchCases } from './watch-cases.js';

export type { StoreContext } from './context.js';
export { storeMutants, type StoreMutant } from './mutants.js';

/** Every promise of the store contract. */
export const storeCases: readonly SuiteCase<StoreContext>[] = [...commitCases, ...snapshotCases, ...boundCases, ...watchCases, ...leaseCases, ...handleCases, ...regressionCases];

/**
 * Runs the store suite with a test runner. A plugin's whole test file:
 * `storeConformance({ describe, it }, 'redis', async () => ({ store: new RedisStore(await freshRedis()), cleanup: … }))`.
 */
export function storeConformance(api: SuiteApi, name: string, create: () => Promise<StoreContext>): void {
  runSuite(api, `store ${name}`, storeCases, create);
}
