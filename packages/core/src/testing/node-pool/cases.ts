import type { Client } from '../../contracts/client.js';
import { NODE_POOL_LABEL, type NodePool } from '../../contracts/node-pools.js';
import { Node } from '../../model/kinds/node.js';
import { amountsOf } from '../../model/pod-resources.js';
import { check, type SuiteCase, type SuiteContext } from '../suite.js';

/** What the suite needs to know of a pool. */
export interface NodePoolContext extends SuiteContext {
  /** Empty, and allowed three nodes at least. */
  readonly pool: NodePool;
  /** The cluster that its nodes register with. */
  readonly client: Client;
  /** Resolves when the node of that name is ready. */
  registered(name: string): Promise<void>;
}

const { signal } = new AbortController();

async function added(pool: NodePool): Promise<string> {
  const before = new Set(await pool.nodes(signal));
  await pool.addNode(signal);
  const next = (await pool.nodes(signal)).filter((name) => !before.has(name));
  check.equal(next.length, 1, 'Nodes that are told of after one was ordered and were not before.');
  return next[0] ?? '';
}

/** Every promise of a pool of nodes that can be tested from outside. */
export const nodePoolCases: readonly SuiteCase<NodePoolContext>[] = [
  {
    name: 'a node is told of as soon as it is ordered, under a name of its own',
    async run({ pool }) {
      check.equal([...(await pool.nodes(signal))], [], 'Nodes of an empty pool.');
      const names = [await added(pool), await added(pool), await added(pool)];
      check.equal(new Set(names).size, 3, 'Different names of three nodes.');
      check.equal([...(await pool.nodes(signal))].sort(), names.toSorted(), 'All of them.');
    },
  },
  {
    name: 'a node registers as its template says, with the label of its pool',
    async run({ pool, client, registered }) {
      const name = await added(pool);
      await registered(name);
      const node = await client.kind(Node).get({ name });
      const { labels = {}, taints = [], allocatable } = pool.template;
      check.equal(node.metadata.labels?.[NODE_POOL_LABEL], pool.name, `The label ${NODE_POOL_LABEL}.`);
      for (const [key, value] of Object.entries(labels)) check.equal(node.metadata.labels?.[key], value, `The label ${key} of the template.`);
      for (const { key } of taints) check.that(node.spec.taints?.some((one) => one.key === key) === true, `The taint ${key} of the template.`);
      const has = amountsOf(node.status?.allocatable);
      for (const [resource, amount] of Object.entries(amountsOf(allocatable))) {
        check.that((has[resource] ?? 0) >= amount, `The node has at least the ${resource} of its template, ${amount}: a pod for which it was made would not fit on ${has[resource] ?? 0}.`);
      }
    },
  },
  {
    name: 'what was given back is told of no more, and the others are',
    async run({ pool }) {
      const [first, second] = [await added(pool), await added(pool)];
      await pool.removeNode(first, signal);
      check.equal([...(await pool.nodes(signal))], [second], 'Nodes after one was given back.');
    },
  },
  {
    name: 'giving back twice, or what never was, is no error and takes nothing else',
    async run({ pool }) {
      const [first, second] = [await added(pool), await added(pool)];
      await pool.removeNode(first, signal);
      await pool.removeNode(first, signal);
      await pool.removeNode('suite-never-was', signal);
      check.equal([...(await pool.nodes(signal))], [second], 'Nodes after one was given back, twice.');
    },
  },
  {
    name: 'a node that is ordered after another was given back is not that one again',
    async run({ pool }) {
      const first = await added(pool);
      await pool.removeNode(first, signal);
      check.that((await added(pool)) !== first, 'The new node has another name: what is still known of the old one is not about it.');
    },
  },
];
