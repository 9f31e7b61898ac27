import type { Node, Pod } from '@orrery/core';

type Extra<T> = { [Key in keyof T]?: T[Key] };

let serial = 0;

/** A node with room, unless told otherwise. */
export function aNode(name: string, { allocatable = {}, labels = {}, spec = {}, status = {} }: { allocatable?: Record<string, string>; labels?: Record<string, string>; spec?: Extra<Node['spec']>; status?: object } = {}): Node {
  const room = { cpu: '4', memory: '8Gi', pods: '110', ...allocatable };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, uid: `node-${name}`, labels: { 'kubernetes.io/hostname': name, ...labels }, resourceVersion: `${++serial}` },
    spec: { ...spec },
    status: { allocatable: room, ...status },
  } as Node;
}

/** A pod that asks for a little, unless told otherwise. */
export function aPod(name: string, { requests = { cpu: '100m', memory: '64Mi' }, labels = {}, spec = {}, metadata = {} }: { requests?: Record<string, string>; labels?: Record<string, string>; spec?: Extra<Pod['spec']>; metadata?: object } = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', uid: `pod-${name}-${++serial}`, labels, resourceVersion: `${serial}`, ...metadata },
    spec: { containers: [{ name: 'main', image: 'busybox', resources: { requests } }], ...spec },
    status: { phase: 'Pending' },
  } as unknown as Pod;
}
