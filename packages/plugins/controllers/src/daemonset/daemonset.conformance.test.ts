import { type Client, controllerOf, DaemonSet, type KindDefinition, Node, Pod } from '@orrery/core';
import { check, controllerConformance, type ControllerFixture } from '@orrery/core/testing';
import { MemoryStore } from '@orrery/store-memory';
import { describe, it } from 'vitest';
import { playKubelet } from '../test-support/play-kubelet.js';
import { make } from '../test-support/world.js';
import { daemonSetController } from './controller.js';
import { targetNode } from './pods.js';

const at = (name: string) => ({ namespace: 'default', name });
const template = (image: string) => ({ metadata: { labels: { app: 'agent' } }, spec: { containers: [{ name: 'c', image }] } });
const addNode = async (client: Client, name: string): Promise<void> => void (await client.kind(Node).create(make({ apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: {} })));
const own = async (client: Client): Promise<readonly Pod[]> => {
  const { uid } = (await client.kind(DaemonSet).get(at('agent'))).metadata;
  return (await client.kind(Pod).list()).items.filter((pod) => controllerOf(pod)?.uid === uid);
};

const fixture: ControllerFixture = {
  controller: () => daemonSetController(),
  seed: async (client) => {
    for (const name of ['n1', 'n2', 'n3']) await addNode(client, name);
    await client.kind(DaemonSet).create(make({ apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: at('agent'), spec: { selector: { matchLabels: { app: 'agent' } }, template: template('agent:1') } }));
  },
  changes: [
    { name: 'another image', run: async (client) => void (await client.kind(DaemonSet).patch(at('agent'), 'merge', { spec: { template: template('agent:2') } })) },
    { name: 'a fourth node', run: (client) => addNode(client, 'n4') },
    { name: 'a node for nobody', run: async (client) => void (await client.kind(Node).patch({ name: 'n2' }, 'merge', { spec: { taints: [{ key: 'empty', effect: 'NoExecute' }] } })) },
  ],
  others: playKubelet,
  check: async (client, changes) => {
    const wanted = [['n1', 'n2', 'n3'], ['n1', 'n2', 'n3'], ['n1', 'n2', 'n3', 'n4'], ['n1', 'n3', 'n4']][changes] ?? [];
    const image = changes === 0 ? 'agent:1' : 'agent:2';
    check.equal((await own(client)).map((pod) => [targetNode(pod), pod.spec.containers[0]?.image]).sort(), wanted.map((node) => [node, image]), 'Pods');
    const { status } = await client.kind(DaemonSet).get(at('agent'));
    check.equal([status?.desiredNumberScheduled, status?.numberAvailable, status?.updatedNumberScheduled], [wanted.length, wanted.length, wanted.length], 'The status');
  },
  always: async (client) => {
    const pods = (await own(client)).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    const nodes = pods.map(targetNode);
    check.that(new Set(nodes).size === nodes.length, 'There is never more than one pod on a node.');
  },
  foreign: async (client) => {
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { ...at('foreign'), labels: { app: 'agent' }, ownerReferences: [{ apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'other', uid: 'other-uid', controller: true }] }, spec: { ...template('agent:1').spec, nodeName: 'n1' } };
    const running = await client.kind(Pod).create(make(pod));
    const ready = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
    return [{ kind: Pod as unknown as KindDefinition, object: await client.kind(Pod).updateStatus({ ...running, status: ready }) }];
  },
};

controllerConformance('daemonset', () => ({ fixture, store: (clock) => new MemoryStore({ clock }) }), { describe, it });
