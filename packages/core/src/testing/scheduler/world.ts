import { deepFreeze } from '../../model/json.js';
import type { Node } from '../../model/kinds/node.js';
import type { Pod } from '../../model/kinds/pod.js';
import type { SchedulerPluginContext, SchedulerPluginSubject } from './context.js';

const node = (name: string, allocatable: Record<string, string>, labels: Record<string, string>, spec: object = {}, status: object = {}): Node =>
  ({ apiVersion: 'v1', kind: 'Node', metadata: { name, uid: `node-${name}`, labels: { 'kubernetes.io/hostname': name, ...labels } }, spec, status: { allocatable, ...status } }) as Node;

const pod = (name: string, requests: Record<string, string>, spec: object = {}, metadata: object = {}): Pod =>
  ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', uid: `pod-${name}`, labels: { app: 'web' }, ...metadata },
    spec: { containers: [{ name: 'main', image: 'registry.example/web:v1', resources: { requests } }], ...spec },
    status: { phase: 'Pending' },
  }) as unknown as Pod;

const zone = (name: string): Record<string, string> => ({ 'topology.kubernetes.io/zone': name });
const web = { matchLabels: { app: 'web' } };

/** Nodes that differ in everything the usual filters look at. */
export const suiteNodes: readonly Node[] = [
  node('large', { cpu: '32', memory: '128Gi', pods: '110' }, { ...zone('a'), disk: 'ssd' }),
  node('small', { cpu: '1', memory: '1Gi', pods: '4' }, { ...zone('a'), disk: 'hdd' }),
  node('gpu', { cpu: '8', memory: '32Gi', pods: '110', 'example.com/gpu': '2' }, zone('b'), { taints: [{ key: 'gpu', effect: 'NoSchedule' }] }),
  node('avoided', { cpu: '8', memory: '32Gi', pods: '110' }, zone('b'), { taints: [{ key: 'old', effect: 'PreferNoSchedule' }] }),
  node('cordoned', { cpu: '8', memory: '32Gi', pods: '110' }, zone('c'), { unschedulable: true }),
  node('warm', { cpu: '4', memory: '8Gi', pods: '10' }, { arch: 'arm64' }, {}, { images: [{ names: ['registry.example/web:v1'], sizeBytes: 800_000_000 }] }),
];

/** Pods that ask for different things. */
export const suitePods: readonly Pod[] = [
  pod('plain', { cpu: '100m', memory: '64Mi' }),
  pod('nothing', {}),
  pod('huge', { cpu: '64', memory: '1Gi' }),
  pod('middle', { cpu: '2', memory: '4Gi' }),
  pod('wants-gpu', { cpu: '1', 'example.com/gpu': '1' }, { tolerations: [{ key: 'gpu', operator: 'Exists' }] }),
  pod('wants-ssd', { cpu: '1' }, { nodeSelector: { disk: 'ssd' } }),
  pod('wants-port', { cpu: '1' }, { containers: [{ name: 'main', image: 'busybox', ports: [{ containerPort: 80, hostPort: 80 }] }] }),
  pod('spreads', { cpu: '1' }, { topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: web }] }),
  pod('alone', { cpu: '1' }, { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'kubernetes.io/hostname', labelSelector: web }] } } }),
  pod('other-team', { cpu: '1' }, {}, { namespace: 'team-b', labels: { app: 'db' }, annotations: { note: 'x' } }),
];

/** Pods that are on nodes already. */
export const suitePlaced: readonly Pod[] = [
  pod('p1', { cpu: '800m', memory: '512Mi' }, { nodeName: 'small' }),
  pod('p2', { cpu: '4', memory: '8Gi' }, { nodeName: 'large' }),
  pod('p3', { cpu: '1' }, { nodeName: 'large', containers: [{ name: 'main', image: 'busybox', ports: [{ containerPort: 80, hostPort: 80 }] }] }),
  pod('p4', { cpu: '1' }, { nodeName: 'warm', affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'kubernetes.io/hostname', labelSelector: web }] } } }, { labels: { app: 'db' } }),
];

/** The world of a case: everything frozen, so that a plugin that changes what it is given fails. */
export function worldFor(subject: SchedulerPluginSubject): SchedulerPluginContext {
  return {
    ...subject,
    nodes: deepFreeze([...suiteNodes, ...(subject.nodes ?? [])]),
    pods: deepFreeze([...suitePods, ...(subject.pods ?? [])]),
    placed: deepFreeze([...suitePlaced]),
    cleanup: () => Promise.resolve(),
  };
}
