import { Node, Pod } from '@orrery/core';
import { afterEach, describe, expect, it } from 'vitest';
import { VirtualCluster } from '../test/virtual.js';

let cluster: VirtualCluster;
afterEach(() => cluster.stop());

const pod = (name: string, cpu: string, spec: object = {}): Pod =>
  ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec: { nodeName: 'node', terminationGracePeriodSeconds: 5, containers: [{ name: 'main', image: 'none', resources: { requests: { cpu } } }], ...spec } }) as Pod;

async function start() {
  cluster = new VirtualCluster({ behaviour: () => ({ stopMs: 3_000 }), agent: { nodes: [{ name: 'node', labels: {}, taints: [], capacity: { cpu: '4' }, runtime: 'simulated' }] } });
  const { client } = await cluster.start();
  const pods = client.kind(Pod);
  const states = async (): Promise<unknown> => Object.fromEntries((await pods.list()).items.map(({ metadata, status }) => [metadata.name, `${status?.phase} ${status?.reason ?? ''}`.trim()]));
  return { client, pods, states };
}

describe('a node', () => {
  it('ends less important pods for a critical one, and lets it in when they have ended', async () => {
    const { pods, states } = await start();
    for (const [name, cpu] of [['small', '500m'], ['fits', '1'], ['large', '2']] as const) await pods.create(pod(name, cpu));
    await cluster.clock.advance(2_000);
    await pods.create(pod('system', '1500m', { priority: 2_000_000_000 }));
    await cluster.clock.advance(1_000);
    expect(await states()).toMatchObject({ fits: 'Running', system: 'Pending' });
    await cluster.clock.advance(6_000);
    expect(await states()).toEqual({ small: 'Running', fits: 'Failed Preempting', large: 'Running', system: 'Running' });
    expect((await pods.get({ namespace: 'default', name: 'fits' })).status).toMatchObject({
      message: 'Preempted in order to admit critical pod', conditions: expect.arrayContaining([expect.objectContaining({ type: 'DisruptionTarget', reason: 'TerminationByKubelet' })]) as unknown,
    });
  });

  it('ends nobody for a critical pod that does not fit anyway, nor for another one', async () => {
    const { pods, states } = await start();
    await pods.create(pod('one', '3'));
    await cluster.clock.advance(2_000);
    await pods.create(pod('huge', '5', { priority: 2_000_000_000 }));
    await pods.create(pod('elsewhere', '2', { priority: 2_000_000_000, nodeSelector: { zone: 'other' } }));
    await pods.create(pod('ordinary', '2', { priority: 5 }));
    await cluster.clock.advance(10_000);
    expect(await states()).toEqual({ one: 'Running', huge: 'Failed OutOfcpu', elsewhere: 'Failed OutOfcpu', ordinary: 'Failed OutOfcpu' });
  });

  it('holds pods against its labels as they are now, not as they were at the last beat', async () => {
    const { client, pods, states } = await start();
    await client.kind(Node).patch({ name: 'node' }, 'merge', { metadata: { labels: { zone: 'a' } } });
    await pods.create(pod('here', '1', { nodeSelector: { zone: 'a' } }));
    await pods.create(pod('elsewhere', '1', { nodeSelector: { zone: 'b' } }));
    await cluster.clock.advance(2_000);
    expect(await states()).toEqual({ here: 'Running', elsewhere: 'Failed NodeAffinity' });
  });
});
