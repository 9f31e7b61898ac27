import { workloadControllers } from '@orrery/controllers';
import { createOrchestrator, DaemonSet, Node, type Orchestrator, Pod, timeOfMillis } from '@orrery/core';
import { SeededRandom, VirtualClock } from '@orrery/core/testing';
import { spread } from '@orrery/scheduler-spread';
import { memoryStore } from '@orrery/store-memory';
import { afterEach, describe, expect, it } from 'vitest';

let orchestrator: Orchestrator;
afterEach(() => orchestrator.stop());

const ref = { namespace: 'default', name: 'agent' };
const as = <T>(object: object): T => object as T;

async function start(clock: VirtualClock): Promise<void> {
  orchestrator = await createOrchestrator({ plugins: [memoryStore(), spread(), workloadControllers()], clock, random: new SeededRandom(1) });
  await orchestrator.start();
}

async function addNode(name: string, cpu: string, spec: object, clock: VirtualClock): Promise<void> {
  const nodes = orchestrator.client.kind(Node);
  const node = await nodes.create(as<Node>({ apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { 'kubernetes.io/hostname': name } }, spec }));
  const time = timeOfMillis(clock.now());
  const conditions = [{ type: 'Ready', status: 'True', reason: 'KubeletReady', lastHeartbeatTime: time, lastTransitionTime: time }];
  await nodes.updateStatus({ ...node, status: { capacity: { cpu, memory: '8Gi', pods: '10' }, allocatable: { cpu, memory: '8Gi', pods: '10' }, conditions } });
}

describe('pods of a DaemonSet and the scheduler', () => {
  it('goes to its own node or to none: also where others may not go, and not where there is no room', async () => {
    const clock = new VirtualClock();
    await start(clock);
    await addNode('plain', '4', {}, clock);
    await addNode('cordoned', '4', { unschedulable: true, taints: [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }] }, clock);
    await addNode('silent', '4', { taints: [{ key: 'node.kubernetes.io/not-ready', effect: 'NoExecute' }] }, clock);
    await addNode('full', '100m', {}, clock);
    const containers = [{ name: 'c', image: 'agent:1', resources: { requests: { cpu: '1' } } }];
    await orchestrator.client.kind(DaemonSet).create(as<DaemonSet>({ apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: ref, spec: { selector: { matchLabels: { app: 'agent' } }, template: { metadata: { labels: { app: 'agent' } }, spec: { containers } } } }));
    const pods = async (): Promise<readonly Pod[]> => (await orchestrator.client.kind(Pod).list()).items;
    await clock.until(async () => (await pods()).filter(({ spec }) => spec.nodeName !== undefined).length === 3, 60_000);
    const aim = ({ spec }: Pod): string | undefined => spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms[0]?.matchFields?.[0]?.values?.[0];
    expect((await pods()).map((pod) => [aim(pod), pod.spec.nodeName]).sort()).toEqual([['cordoned', 'cordoned'], ['full', undefined], ['plain', 'plain'], ['silent', 'silent']]);
    const waiting = (await pods()).find(({ spec }) => spec.nodeName === undefined);
    await clock.until(async () => (await orchestrator.client.kind(Pod).get({ namespace: 'default', name: waiting?.metadata.name ?? '' })).status?.conditions?.some(({ reason }) => reason === 'Unschedulable') === true, 60_000);
    expect((await orchestrator.client.kind(DaemonSet).get(ref)).status).toMatchObject({ desiredNumberScheduled: 4, currentNumberScheduled: 4, numberReady: 0, numberUnavailable: 4 });
    // Not evicted from where it is, however long that node stays silent.
    await clock.advance(600_000);
    expect((await pods()).some(({ spec, metadata }) => spec.nodeName === 'silent' && metadata.deletionTimestamp === undefined)).toBe(true);
  });
});
