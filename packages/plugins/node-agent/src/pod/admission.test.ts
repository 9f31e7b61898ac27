import type { Node, Pod } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import { podOf } from '../test/build.js';
import { admitPod, shortages } from './admission.js';
import { planPreemption } from './preemption.js';

const asking = (requests: object, more: object = {}) => podOf({ containers: [{ name: 'main', resources: { requests } }], ...more });
const NODE = { cpu: '2', memory: '1Gi', pods: '3', 'example.com/gpu': '1' };

describe('admission', () => {
  it.each([
    [asking({ cpu: '2' }), [], undefined],
    [asking({ cpu: '500m' }), [asking({ cpu: '1500m' })], undefined],
    [asking({ cpu: '501m' }), [asking({ cpu: '1500m' })], 'OutOfcpu'],
    [asking({ memory: '2Gi' }), [], 'OutOfmemory'],
    [asking({ 'example.com/gpu': '1' }), [asking({ 'example.com/gpu': '1' })], 'OutOfexample.com/gpu'],
    [asking({ 'example.com/other': '1' }), [], 'OutOfexample.com/other'],
    [asking({}), [asking({}), asking({}), asking({})], 'OutOfpods'],
    // What is in use too much already hinders only who wants more of it.
    [asking({ memory: '1Mi' }), [asking({ cpu: '5' })], undefined],
    [asking({ cpu: '1' }, { overhead: { cpu: '1500m' } }), [], 'OutOfcpu'],
    [asking({ cpu: '1' }, { initContainers: [{ name: 'i', resources: { requests: { cpu: '2' } } }] }), [], undefined],
    [asking({ cpu: '1500m' }, { initContainers: [{ name: 's', restartPolicy: 'Always', resources: { requests: { cpu: '1' } } }] }), [], 'OutOfcpu'],
    [asking({ cpu: '5' }, { resources: { requests: { cpu: '1' } } }), [], undefined],
  ])('case %#', (pod, admitted, reason) => {
    expect(admitPod(pod, { admitted, allocatable: NODE })?.reason).toBe(reason);
  });

  it('says what is missing, in the kubelet\'s words', () => {
    expect(admitPod(asking({ cpu: '1' }), { admitted: [asking({ cpu: '1500m' })], allocatable: NODE })?.message).toBe("Pod was rejected: Node didn't have enough resource: cpu, requested: 1000, used: 1500, capacity: 2000");
  });
});

describe('the other predicates', () => {
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node', labels: { zone: 'a', 'kubernetes.io/os': 'linux' } }, spec: { taints: [{ key: 'k', effect: 'NoExecute' }, { key: 's', effect: 'NoSchedule' }] } } as unknown as Node;
  const tolerations = [{ key: 'k', operator: 'Exists' }];
  const port = (hostPort: number, hostIP = ''): object => ({ containers: [{ name: 'main', ports: [{ containerPort: 1, hostPort, hostIP }] }], tolerations });
  it.each([
    [podOf({ tolerations }), [], undefined],
    [podOf({ tolerations, nodeSelector: { zone: 'a' } }), [], undefined],
    [podOf({ tolerations, nodeSelector: { zone: 'b' } }), [], 'NodeAffinity'],
    [podOf({}), [], 'TaintToleration'],
    [podOf({}, { metadata: { name: 's', uid: 'hash', annotations: { 'kubernetes.io/config.source': 'file', 'kubernetes.io/config.hash': 'hash' } } }), [], undefined],
    [podOf(port(80)), [podOf(port(81))], undefined],
    [podOf(port(80)), [podOf(port(80, '127.0.0.1'))], 'NodePorts'],
    [podOf({ tolerations, os: { name: 'windows' } }), [], 'PodOSNotSupported'],
    [podOf({ tolerations, nodeSelector: { 'kubernetes.io/os': 'windows' } }), [], 'PodOSSelectorNodeLabelDoesNotMatch'],
    [podOf({ nodeSelector: { zone: 'b' }, containers: [{ name: 'main', resources: { requests: { cpu: '9' } } }] }), [], 'OutOfcpu'],
  ])('case %#', (pod, admitted, reason) => {
    expect(admitPod(pod, { admitted, allocatable: NODE, node })?.reason).toBe(reason);
  });

  it('says so in the kubelet\'s words, and asks nothing of a node that is not known', () => {
    const pod = podOf({ tolerations, nodeSelector: { zone: 'b' } });
    expect(admitPod(pod, { admitted: [], allocatable: NODE, node })?.message).toBe("Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector");
    expect(admitPod(pod, { admitted: [], allocatable: NODE })).toBeUndefined();
  });
});

describe('preemption', () => {
  const holding = (name: string, requests: object, spec: object = {}): Pod => podOf({ containers: [{ name: 'main', resources: { requests } }], ...spec }, { metadata: { name, uid: name } });
  const critical = holding('critical', { cpu: '1' }, { priority: 2_000_000_000 });
  const plan = (admitted: readonly Pod[], cpu = '4', pod = critical): unknown => planPreemption(pod, admitted, shortages(pod, admitted, { cpu, memory: '100Gi', pods: '100' }))?.map(({ metadata }) => metadata.name);
  const guaranteed = (name: string, cpu: string): Pod => podOf({ containers: [{ name: 'main', resources: { requests: { cpu, memory: '1' }, limits: { cpu, memory: '1' } } }] }, { metadata: { name, uid: name } });

  it('takes the fewest, and of those that serve the one that holds least', () => {
    expect(plan([holding('a', { cpu: '500m' }), holding('b', { cpu: '1500m' }), holding('c', { cpu: '1' }), holding('d', { cpu: '1', memory: '1Gi' })])).toEqual(['c']);
    expect(plan([holding('a', { cpu: '2' }), holding('b', { cpu: '600m' }), holding('c', { cpu: '500m' })], '3100m')).toEqual(['a']);
    expect(plan([holding('a', { cpu: '900m' }), holding('b', { cpu: '600m' }), holding('c', { cpu: '500m' })], '2')).toEqual(['a', 'c']);
  });

  it('spares those that were promised more while cheaper ones are enough', () => {
    expect(plan([guaranteed('g', '3'), holding('b', { cpu: '1' })])).toEqual(['b']);
    expect(plan([guaranteed('g', '3500m'), holding('b', { cpu: '500m' })])).toEqual(['g']);
  });

  it('leaves critical ones alone, and does nothing that would not be enough', () => {
    expect(plan([holding('other', { cpu: '4' }, { priority: 2_000_000_000 })])).toBeUndefined();
    expect(plan([holding('a', { cpu: '1' }), holding('other', { cpu: '3' }, { priority: 2_000_001_000 })], '4')).toEqual(['a']);
    expect(plan([holding('a', { cpu: '1' })], '500m')).toBeUndefined();
  });
});
