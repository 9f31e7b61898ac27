import type { SuiteApi } from '../suite.js';
import { runSuite } from '../suite.js';
import { nodePoolCases } from './cases.js';
import type { NodePoolContext } from './cases.js';

export { nodePoolCases, type NodePoolContext } from './cases.js';
export { nodePoolMutants, type NodePoolMutant } from './mutants.js';

/**
 * The conformance suite of pools of nodes. With vitest:
 * `nodePoolConformance('my cloud', async () => ({ pool, client, registered, cleanup }), { describe, it });`
 * @param create gives an empty pool that may have three nodes at least, and a client of the cluster that its nodes register with; called once a case
 */
export function nodePoolConformance(name: string, create: () => Promise<NodePoolContext>, api: SuiteApi): void {
  runSuite(api, `node pool ${name}`, nodePoolCases, create);
}
