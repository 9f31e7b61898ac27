import type { NodePool } from '../../contracts/node-pools.js';

/** A pool that is broken in one way, and the case that must notice. */
export interface NodePoolMutant {
  readonly name: string;
  readonly caughtBy: string;
  wrap(pool: NodePool): NodePool;
}

/** The members that a pool has, whether it is an object or of a class. */
const bound = (pool: NodePool): NodePool => ({
  name: pool.name, min: pool.min, max: pool.max, template: pool.template,
  ...(pool.price !== undefined && { price: pool.price }),
  nodes: (signal) => pool.nodes(signal),
  addNode: (signal) => pool.addNode(signal),
  removeNode: (name, signal) => pool.removeNode(name, signal),
});

/** One for each promise. */
export const nodePoolMutants: readonly NodePoolMutant[] = [
  {
    name: 'tells of a node only when it is asked again',
    caughtBy: 'a node is told of as soon as it is ordered, under a name of its own',
    wrap: (pool) => {
      let known: readonly string[] = [];
      return {
        ...bound(pool),
        nodes: async (signal) => {
          const before = known;
          known = await pool.nodes(signal);
          return before;
        },
      };
    },
  },
  {
    name: 'promises more than its nodes have',
    caughtBy: 'a node registers as its template says, with the label of its pool',
    wrap: (pool) => ({ ...bound(pool), template: { ...pool.template, allocatable: { ...pool.template.allocatable, cpu: '100000' } } }),
  },
  {
    name: 'tells of nodes that were given back',
    caughtBy: 'what was given back is told of no more, and the others are',
    wrap: (pool) => ({ ...bound(pool), removeNode: async () => {} }),
  },
  {
    name: 'takes any node where it does not know the name',
    caughtBy: 'giving back twice, or what never was, is no error and takes nothing else',
    wrap: (pool) => ({
      ...bound(pool),
      removeNode: async (name, signal) => {
        const names = await pool.nodes(signal);
        await pool.removeNode(names.includes(name) ? name : (names[0] ?? name), signal);
      },
    }),
  },
  {
    name: 'uses names again',
    caughtBy: 'a node that is ordered after another was given back is not that one again',
    wrap: (pool) => {
      const names = new Map<string, string>();
      const nameOf = async (signal: AbortSignal): Promise<readonly string[]> => {
        const real = await pool.nodes(signal);
        for (const one of names.keys()) if (!real.includes(one)) names.delete(one);
        for (const one of real) if (!names.has(one)) names.set(one, `node-${[0, 1, 2, 3].find((i) => ![...names.values()].includes(`node-${i}`))}`);
        return real.map((one) => names.get(one) ?? one);
      };
      return { ...bound(pool), nodes: nameOf, removeNode: async (name, signal) => pool.removeNode([...names].find(([, shown]) => shown === name)?.[0] ?? name, signal) };
    },
  },
];
