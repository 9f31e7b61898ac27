import { describe, expect, it } from 'vitest';
import { applyPodDefaults } from './defaults/pod.js';
import type { Pod } from './kinds/pod.js';
import { oomScoreAdj } from './oom-score.js';
import { podLimits, podRequests, requestsWithoutOverhead } from './pod-resources.js';

const podOf = (spec: object, metadata: object = {}): Pod => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', ...metadata }, spec: { containers: [], ...spec } }) as Pod;
const asking = (name: string, requests: object, more: object = {}) => ({ name, resources: { requests, ...more } });
const GI = 1024 ** 3;

describe('what a pod asks for', () => {
  const pod = podOf({
    containers: [asking('a', { cpu: '500m', memory: '1Gi' }, { limits: { memory: '2Gi' } })],
    initContainers: [{ ...asking('side', { cpu: '100m' }), restartPolicy: 'Always' }, asking('init', { cpu: '2' })],
    overhead: { cpu: '50m', memory: '10' },
  });

  it('is the largest moment of its life, and its overhead', () => {
    expect({ ...podRequests(pod) }).toEqual({ cpu: 2150, memory: GI + 10 });
    expect({ ...requestsWithoutOverhead(pod) }).toEqual({ cpu: 2100, memory: GI });
  });

  it('overhead counts only on what is limited', () => expect({ ...podLimits(pod) }).toEqual({ memory: 2 * GI + 10 }));

  it('no resource name finds anything that is not there', () => expect(podRequests(podOf({}))['constructor']).toBeUndefined());
});

describe('resources of the pod as a whole', () => {
  it('are completed from containers, and from limits, when there are limits', () => {
    const pod = podOf({ containers: [asking('a', { cpu: '100m' }), asking('b', { cpu: '1' })], resources: { limits: { memory: '1Gi' } } });
    applyPodDefaults(pod);
    expect(pod.spec.resources).toEqual({ limits: { memory: '1Gi' }, requests: { cpu: '1100m', memory: '1Gi' } });
  });

  it('are left alone without limits', () => {
    const pod = podOf({ containers: [asking('a', { cpu: '100m' })], resources: { requests: { memory: '1Gi' } } });
    applyPodDefaults(pod);
    expect(pod.spec.resources).toEqual({ requests: { memory: '1Gi' } });
  });
});

describe('oom_score_adj', () => {
  const score = (spec: object, name: string, metadata: object = {}): number => {
    const pod = podOf(spec, metadata);
    const container = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find((one) => one.name === name);
    if (container === undefined) throw new Error(name);
    return oomScoreAdj(pod, container, 4 * GI);
  };
  const half = asking('half', { memory: '2Gi' });
  const tiny = asking('tiny', { memory: '1' });
  const even = { ...asking('even', { cpu: '1', memory: '1Gi' }, { limits: { cpu: '1', memory: '1Gi' } }) };

  it.each([
    ['guaranteed', { containers: [even] }, 'even', -997],
    ['best effort', { containers: [{ name: 'x' }] }, 'x', 1000],
    ['half of the memory', { containers: [half] }, 'half', 500],
    ['almost nothing is still before best effort', { containers: [tiny] }, 'tiny', 999],
    ['more than there is is still after guaranteed', { containers: [asking('big', { memory: '64Gi' })] }, 'big', 3],
    ['a sidecar lives as long as whom it serves', { containers: [half], initContainers: [{ ...tiny, restartPolicy: 'Always' }] }, 'tiny', 500],
    ['an init container counts for itself', { containers: [half], initContainers: [tiny] }, 'tiny', 999],
    ['what only the pod asks for is shared', { containers: [{ name: 'x' }, { name: 'y' }], resources: { requests: { memory: '2Gi' } } }, 'x', 750],
    ['the node needs it', { containers: [tiny], priorityClassName: 'system-node-critical', priority: 2_000_001_000 }, 'tiny', -997],
    ['a name alone makes nothing critical', { containers: [half], priorityClassName: 'system-node-critical', priority: 10 }, 'half', 500],
  ])('%s', (_, spec, name, expected) => expect(score(spec, name)).toBe(expected));

  it('a static pod can be critical without a priority', () => {
    expect(score({ containers: [tiny], priorityClassName: 'system-node-critical' }, 'tiny', { annotations: { 'kubernetes.io/config.source': 'file' } })).toBe(-997);
  });
});
