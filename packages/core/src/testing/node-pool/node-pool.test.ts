import { describe, expect, it } from 'vitest';
import type { Client } from '../../contracts/client.js';
import { NODE_POOL_LABEL, type NodePool } from '../../contracts/node-pools.js';
import type { Node } from '../../model/kinds/node.js';
import { runCase } from '../suite.js';
import { nodePoolCases, nodePoolConformance, type NodePoolContext, nodePoolMutants } from './index.js';

/** A pool that is only a list of names; its nodes are ready at once. */
async function names(): Promise<NodePoolContext> {
  const known = new Set<string>();
  let made = 0;
  const pool: NodePool = {
    name: 'names', min: 0, max: 5, template: { allocatable: { cpu: '2', pods: '10' }, labels: { disk: 'ssd' }, taints: [{ key: 'only', effect: 'NoSchedule' }] },
    nodes: async () => [...known],
    addNode: async () => void known.add(`n${(made += 1)}`),
    removeNode: async (name) => void known.delete(name),
  };
  const node = { metadata: { labels: { disk: 'ssd', [NODE_POOL_LABEL]: 'names' } }, spec: { taints: [{ key: 'only', effect: 'NoSchedule' }] }, status: { allocatable: { cpu: '2', pods: '10' } } } as unknown as Node;
  const client = { kind: () => ({ get: async () => node }) } as unknown as Client;
  return { pool, client, registered: async () => {}, cleanup: async () => {} };
}

nodePoolConformance('of names', names, { describe, it });

describe('the suite catches', () => {
  for (const mutant of nodePoolMutants) {
    it(`a pool that ${mutant.name}`, async () => {
      const found = nodePoolCases.find(({ name }) => name === mutant.caughtBy);
      if (found === undefined) throw new Error(`there is no case "${mutant.caughtBy}"`);
      const broken = async (): Promise<NodePoolContext> => {
        const context = await names();
        return { ...context, pool: mutant.wrap(context.pool) };
      };
      await expect(runCase(found, broken)).rejects.toThrow();
    });
  }

  it('each promise has a mutant', () => expect(new Set(nodePoolMutants.map(({ caughtBy }) => caughtBy))).toEqual(new Set(nodePoolCases.map(({ name }) => name))));
});
