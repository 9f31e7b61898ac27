import { Event, type Orchestrator, OrreryError, Pod } from '@orrery/core';
import { afterEach, describe, expect, it } from 'vitest';
import { containerOf } from '../test/cluster.js';
import { VirtualCluster } from '../test/virtual.js';

let cluster: VirtualCluster;
afterEach(() => cluster.stop());

/** A pod on a runtime that refuses one operation; answers how often it was asked. */
async function refused(operation: string, code: 'FORBIDDEN' | 'CONFLICT' | 'EXHAUSTED'): Promise<{ readonly orchestrator: Orchestrator; tries(): number; relent(): void }> {
  let tries = 0;
  let refuses = true;
  const before = (asked: string): undefined => {
    if (asked !== operation || !refuses) return undefined;
    tries += 1;
    throw new OrreryError(code, 'because of this');
  };
  cluster = new VirtualCluster({ faults: { before } });
  const orchestrator = await cluster.start();
  await orchestrator.client.kind(Pod).create({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'pod', namespace: 'default' }, spec: { nodeName: 'node', containers: [{ name: 'main', image: 'none' }] } } as Pod);
  return { orchestrator, tries: () => tries, relent: () => void (refuses = false) };
}

const found = ({ client }: Orchestrator): Promise<Pod> => client.kind(Pod).get({ namespace: 'default', name: 'pod' });

describe('a runtime that refuses', () => {
  it.each([
    ['runSandbox', 'ContainerCreating', 'FailedCreatePodSandBox'],
    ['createContainer', 'CreateContainerConfigError', 'Failed'],
  ])('%s by its policy: the pod shows why, and is tried ever more seldom', async (operation, reason, event) => {
    const { orchestrator, tries, relent } = await refused(operation, 'FORBIDDEN');
    await cluster.clock.advance(5_000);
    expect(containerOf(await found(orchestrator))?.state?.waiting).toEqual({ reason, message: expect.stringContaining('because of this') as string });
    const events = (await orchestrator.client.kind(Event).list({ namespace: 'default' })).items;
    expect(events.some((one) => one.type === 'Warning' && one.reason === event && one.message?.includes('because of this') === true)).toBe(true);
    // At 0, 10, 30, 70, 150 and 310 seconds, then every five minutes.
    await cluster.clock.advance(600_000);
    expect(tries()).toBe(6);
    relent();
    await cluster.clock.advance(300_000);
    expect((await found(orchestrator)).status?.phase).toBe('Running');
  });

  it.each([['runSandbox', 'EXHAUSTED'], ['runSandbox', 'CONFLICT'], ['createContainer', 'EXHAUSTED'], ['startContainer', 'EXHAUSTED']] as const)('%s with %s: tried soon again, then every ten seconds', async (operation, code) => {
    const { orchestrator, tries, relent } = await refused(operation, code);
    await cluster.clock.advance(60_000);
    expect(tries()).toBe(7);
    expect(containerOf(await found(orchestrator))?.state?.waiting?.message).toContain('because of this');
    relent();
    await cluster.clock.advance(11_000);
    expect(containerOf(await found(orchestrator))).toMatchObject({ restartCount: 0, ready: true });
  });
});
