import { describe, expect, it } from 'vitest';
import { decodeObject, Pod } from '../index.js';

const pod = (containers: object[], more: object = {}, status: object = {}): Pod => {
  const { object } = decodeObject(Pod, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default', ...(more as { metadata?: object }).metadata }, spec: { containers, ...(more as { spec?: object }).spec }, status });
  Pod.rules.applyDefaults?.(object);
  return object;
};
const c = (resources: object = {}, more: object = {}): object => ({ name: 'c', image: 'x', resources, ...more });
const sized = (cpu: string, memory = '64Mi'): object => ({ requests: { cpu, memory } });
const { resize } = Pod.rules.subresources ?? {};
const resized = (draft: Pod, old: Pod): string[] => {
  const next = resize?.take(draft, old) as Pod;
  return (resize?.validateUpdate(next, old) ?? []).map(({ field, type, message }) => `${field} ${type}: ${message.slice(message.lastIndexOf(': ') + 2)}`);
};

describe('a resize', () => {
  it('changes cpu and memory of containers, and nothing else', () => {
    const old = pod([c(sized('1'))]);
    const draft = pod([c(sized('2'), { image: 'other', resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }] })], { spec: { hostNetwork: true } });
    const next = resize?.take(draft, old) as Pod;
    expect(next.spec).toEqual({ ...old.spec, containers: [{ ...old.spec.containers[0], resources: { requests: { cpu: '2', memory: '64Mi' } }, resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }] }] });
    expect(resized(draft, old)).toEqual([]);
    expect(old.spec.containers[0]?.resources).toEqual({ requests: { cpu: '1', memory: '64Mi' } });
  });

  it('keeps the class of the pod, its containers, and what they ask for', () => {
    const old = pod([c(sized('1'))]);
    expect(resized(pod([c({ requests: { cpu: '1' } })]), old)).toEqual(['spec.containers[0].resources.requests FieldValueForbidden: resource requests cannot be removed']);
    expect(resized(pod([c({ requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } })]), old)).toEqual(['spec FieldValueInvalid: Pod QOS Class may not change as a result of resizing']);
    expect(resized(pod([c({ requests: { cpu: '1', memory: '64Mi', 'example.com/gpu': '1' }, limits: { 'example.com/gpu': '1' } })]), old)).toEqual(['spec FieldValueForbidden: only cpu and memory resources are mutable']);
    expect(resized(pod([c(sized('1')), { name: 'd', image: 'x' }]), old)).toEqual(['spec FieldValueForbidden: containers may not be added or removed on resize']);
    expect(resized(pod([c(sized('1'), { name: 'd' })]), old)).toEqual(['spec FieldValueForbidden: containers may not be renamed or reordered on resize']);
  });

  it('is for sidecars, not for other init containers', () => {
    const withInit = (cpu: string, more: object): Pod => pod([c(sized('1'))], { spec: { initContainers: [{ name: 'i', image: 'x', resources: sized(cpu), ...more }] } });
    expect(resized(withInit('2', { restartPolicy: 'Always' }), withInit('1', { restartPolicy: 'Always' }))).toEqual([]);
    expect(resized(withInit('2', {}), withInit('1', {}))).toEqual(['spec FieldValueForbidden: resources for non-sidecar init containers are immutable']);
  });

  it('is not for static pods, nor where the node does not tell what containers have', () => {
    const at = (state: object, resources?: object): Pod => pod([c(sized('1'))], {}, { qosClass: 'Burstable', containerStatuses: [{ name: 'c', image: 'x', imageID: '', ready: true, restartCount: 0, state, ...(resources && { resources }) }] });
    const draft = pod([c(sized('2'))]);
    expect(resized(draft, at({ running: { startedAt: '2026-01-01T00:00:00Z' } }))).toEqual(['spec FieldValueForbidden: Pod running on node without support for resize']);
    expect(resized(draft, at({ running: { startedAt: '2026-01-01T00:00:00Z' } }, sized('1')))).toEqual([]);
    expect(resized(draft, at({ waiting: { reason: 'ContainerCreating' } }))).toEqual([]);
    expect(resized(draft, pod([c(sized('1'))], { metadata: { annotations: { 'kubernetes.io/config.mirror': 'x' } } }))).toEqual([' FieldValueForbidden: static pods cannot be resized']);
  });
});
