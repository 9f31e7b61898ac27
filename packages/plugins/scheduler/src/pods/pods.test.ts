import { matchesNode, matchesNodeSelectorTerm, type Node, podRequests, tolerates } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import { aNode, aPod } from '../test-support/objects.js';
import { podLoad } from './requests.js';

const container = (name: string, requests: Record<string, string>, more: object = {}) => ({ name, resources: { requests }, ...more });
const podWith = (spec: object) => aPod('p', { spec: spec as never });

describe('podRequests', () => {
  it('takes the larger of the containers and the largest init step, with sidecars and overhead', () => {
    const pod = podWith({
      containers: [container('a', { cpu: '100m', memory: '1Gi' }), container('b', { cpu: '200m' })],
      initContainers: [container('side', { cpu: '50m' }, { restartPolicy: 'Always' }), container('init', { cpu: '1', 'example.com/gpu': '1' })],
      overhead: { cpu: '10m' },
    });
    expect({ ...podRequests(pod) }).toEqual({ cpu: 1_060, memory: 2 ** 30, 'example.com/gpu': 1 });
  });

  it('lets pod-level requests replace those of the containers', () => {
    const pod = podWith({ containers: [container('a', { cpu: '100m', memory: '1Gi' })], resources: { requests: { cpu: '2' } } });
    expect({ ...podRequests(pod) }).toEqual({ cpu: 2_000, memory: 2 ** 30 });
  });

  it('counts what is allocated while a container is made smaller', () => {
    const pod = { ...podWith({ containers: [container('a', { cpu: '100m' })] }), status: { containerStatuses: [{ name: 'a', allocatedResources: { cpu: '500m' } }] } };
    expect(podRequests(pod as never)['cpu']).toBe(500);
  });

  it('does not count what the node of a pod can never give it', () => {
    const status = { containerStatuses: [{ name: 'a', resources: { requests: { cpu: '200m' } }, allocatedResources: { cpu: '200m' } }] };
    const pod = { ...podWith({ containers: [container('a', { cpu: '64' })] }), status };
    expect(podLoad(pod as never).requests['cpu']).toBe(64_000);
    const infeasible = { ...pod, status: { ...status, conditions: [{ type: 'PodResizePending', status: 'True', reason: 'Infeasible' }] } };
    expect(podLoad(infeasible as never).requests['cpu']).toBe(200);
    expect(podLoad({ ...pod, status: { ...status, conditions: [{ type: 'PodResizePending', status: 'True', reason: 'Deferred' }] } } as never).requests['cpu']).toBe(64_000);
  });

  it('has defaults for containers that ask for nothing, in the non-zero sum only', () => {
    const { requests, nonZero } = podLoad(podWith({ containers: [container('a', {}), container('b', { cpu: '1' })] }));
    expect({ ...requests }).toEqual({ cpu: 1_000 });
    expect(nonZero).toEqual({ cpu: 1_100, memory: 400 * 1024 * 1024 });
  });

  it('finds nothing under the names of object members', () => {
    expect(podRequests(aPod('p'))['constructor']).toBeUndefined();
  });
});

describe('tolerations', () => {
  const taint = { key: 'k', value: '5', effect: 'NoSchedule' };
  it.each([
    [{ operator: 'Exists' }, true],
    [{ key: 'k', value: '5' }, true],
    [{ key: 'k', value: '6' }, false],
    [{ key: 'k', operator: 'Exists', effect: 'NoExecute' }, false],
    [{ key: 'k', operator: 'Gt', value: '4' }, true],
    [{ key: 'k', operator: 'Lt', value: '4' }, false],
    [{ key: 'k', operator: 'Odd' }, false],
  ])('%j: %s', (toleration, expected) => expect(tolerates(toleration as never, taint as never)).toBe(expected));
});

describe('node selectors', () => {
  const node: Node = aNode('n1', { labels: { cores: '8', disk: 'ssd' } });
  it.each([
    [[{ key: 'cores', operator: 'Gt', values: ['4'] }], true],
    [[{ key: 'disk', operator: 'Gt', values: ['4'] }], false],
    [[{ key: 'disk', operator: 'NotIn', values: ['hdd'] }, { key: 'gone', operator: 'DoesNotExist' }], true],
    [[{ key: 'disk', operator: 'In' }], false],
    [[{ key: 'constructor', operator: 'Exists' }], false],
    [[], false],
  ])('%j: %s', (matchExpressions, expected) => expect(matchesNodeSelectorTerm({ matchExpressions } as never, node)).toBe(expected));

  it('hold together with nodeSelector', () => {
    const terms = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }] }] } } };
    expect(matchesNode(podWith({ nodeSelector: { disk: 'ssd' }, affinity: terms }), node)).toBe(true);
    expect(matchesNode(podWith({ nodeSelector: { disk: 'hdd' }, affinity: terms }), node)).toBe(false);
  });
});
