import { describe, expect, it } from 'vitest';
import { podOf } from '../test/build.js';
import { admitPod } from './admission.js';

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
    expect(admitPod(pod, admitted, NODE)?.reason).toBe(reason);
  });

  it('says what is missing, in the kubelet\'s words', () => {
    expect(admitPod(asking({ cpu: '1' }), [asking({ cpu: '1500m' })], NODE)?.message).toBe("Pod was rejected: Node didn't have enough resource: cpu, requested: 1000, used: 1500, capacity: 2000");
  });
});
