import { type Node, NODE_POOL_LABEL, type NodePool, type Pod, silentLogger } from '@orrery/core';
import { VirtualClock } from '@orrery/core/testing';
import { describe, expect, it } from 'vitest';
import { make } from '../test-support/world.js';
import { type Observation, observe } from './observe.js';

const clock = new VirtualClock();
const MINUTE = 60_000;
const iso = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`;

/** A node of the pool, made an hour ago unless it is told otherwise, that is as it is since a minute. */
const nodeOf = (name: string, status: string, made = clock.now() - 60 * MINUTE): Node =>
  make({
    apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { [NODE_POOL_LABEL]: 'a' }, creationTimestamp: iso(made) }, spec: {},
    status: { conditions: [{ type: 'Ready', status, lastTransitionTime: iso(Math.max(made, clock.now() - MINUTE)) }] },
  });

/** What is seen of a pool with these nodes and names that have not registered, and then again when their time is over. */
async function looks(nodes: readonly Node[], unregistered: readonly string[] = []): Promise<readonly [Observation, Observation]> {
  const names = [...nodes.map(({ metadata }) => metadata.name ?? ''), ...unregistered];
  const pool: NodePool = { name: 'a', min: 0, max: 100, template: { allocatable: {} }, nodes: async () => names, addNode: async () => {}, removeNode: async () => {} };
  const pods = { list: () => [], get: () => undefined, byIndex: () => [] as readonly Pod[] };
  const lister = { list: () => nodes, get: (key: string) => nodes.find(({ metadata }) => metadata.name === key), byIndex: () => [] };
  const from = { pods, nodes: lister, pools: [pool], clock, log: silentLogger, signal: new AbortController().signal, awaited: new Map<string, number>(), provisionMs: 15 * MINUTE, freshMs: 30_000 };
  const first = await observe(from as unknown as Parameters<typeof observe>[0]);
  await clock.advance(16 * MINUTE);
  return [first, await observe(from as unknown as Parameters<typeof observe>[0])];
}
const failed = ({ failed: all }: Observation): string[] => all.map(({ name }) => name).sort();

describe('a node that is not ready', () => {
  it('is on its way while it is new, and given back when it takes too long', async () => {
    const [first, later] = await looks([nodeOf('n1', 'True'), nodeOf('n2', 'False', clock.now())], ['n3']);
    expect(first.pools).toMatchObject([{ size: 3, upcoming: 2, leaving: 0 }]);
    expect(failed(first)).toEqual([]);
    expect(later.pools).toMatchObject([{ size: 3, upcoming: 0, leaving: 2 }]);
    expect(failed(later)).toEqual(['n2', 'n3']);
  });

  it('but once was is no place for pods that wait: they get another at once', async () => {
    const [first, later] = await looks([nodeOf('n1', 'True'), nodeOf('n2', 'Unknown')]);
    expect(first.pools).toMatchObject([{ size: 2, upcoming: 0, leaving: 1 }]);
    expect(failed(later)).toEqual(['n2']);
  });

  it('is kept when many fell silent together: it is the network, or whoever watches, and what they run must not go with them', async () => {
    const silent = Array.from({ length: 6 }, (_, i) => nodeOf(`s${i}`, 'Unknown'));
    const [, all] = await looks([...silent, nodeOf('n1', 'True')], ['never-came']);
    expect(failed(all)).toEqual(['never-came']);
    const well = Array.from({ length: 9 }, (_, i) => nodeOf(`w${i}`, 'True'));
    const [, some] = await looks([...silent, ...well]);
    expect(failed(some)).toHaveLength(6);
  });
});
