import type { Container, ContainerResources, Pod } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import type { PodView } from '../pod/view.js';
import { containerOf, podOf, sandboxOf } from '../test/build.js';
import { resizeConditions } from './conditions.js';
import { compareWaiting, DeferredResizes, type WaitingPod } from './deferred.js';
import { asked, recordedGrants, withGrants } from './grants.js';
import { resizesOf, resourcesInForce } from './in-force.js';
import { madeWith, readMadeWith } from './made-with.js';
import { planResize, type ResizeInput } from './plan-resize.js';

const sized = (resources: object, more: object = {}): Pod => podOf({ containers: [{ name: 'main', image: 'none', resources, ...more }] });
const has = (resources: ContainerResources | undefined, annotations: Readonly<Record<string, string>> = {}): PodView => ({ sandboxes: [sandboxOf()], containers: [containerOf('main', 0, 'running', { ...(resources !== undefined && { resources }), annotations })] });
const first = (pod: Pod): Container => pod.spec.containers[0] as Container;

describe('what is in force', () => {
  const pod = sized({ requests: { cpu: '500m', memory: '64Mi' }, limits: { cpu: '1', memory: '128Mi' } });
  const right = { cpuShares: 512, cpuPeriod: 100_000, cpuQuota: 100_000, memoryLimitBytes: 2 ** 27 };

  it.each<[string, ContainerResources | undefined, object | undefined]>([
    ['everything as it should be', { ...right, oomScoreAdj: 900, pidsLimit: 7 }, undefined],
    ['nothing known', undefined, undefined],
    ['another weight', { ...right, cpuShares: 1024 }, { requests: { cpu: '1', memory: '64Mi' }, limits: { cpu: '1', memory: '128Mi' } }],
    ['another cpu limit', { ...right, cpuQuota: 50_000 }, { requests: { cpu: '500m', memory: '64Mi' }, limits: { cpu: '500m', memory: '128Mi' } }],
    ['another memory limit', { ...right, memoryLimitBytes: 2 ** 28 }, { requests: { cpu: '500m', memory: '64Mi' }, limits: { cpu: '1', memory: '256Mi' } }],
    ['no limits yet', { cpuShares: 512 }, { requests: { cpu: '500m', memory: '64Mi' }, limits: {} }],
    ['a weight that the kernel does not share out', { cpuPeriod: 100_000, cpuQuota: 100_000, memoryLimitBytes: 2 ** 27 }, undefined],
  ])('%s', (_what, resources, told) => {
    const [resize] = resizesOf(pod, has(resources));
    expect(resize !== undefined).toBe(told !== undefined);
    expect(resourcesInForce(first(pod), resize)).toEqual(told ?? first(pod).resources);
    if (resize !== undefined) expect(resize).toMatchObject({ wanted: right, restart: false });
  });

  it('a limit that the engine was told of and does not keep is not asked of it again', () => {
    const made = madeWith(pod, first(pod), right);
    expect(resizesOf(pod, has({ cpuShares: 512, cpuPeriod: 100_000, cpuQuota: 100_000 }, made))).toEqual([]);
  });

  it('of containers that do not run, init containers and ephemeral ones nothing is asked', () => {
    const view = has({ cpuShares: 2 });
    expect(resizesOf(pod, { ...view, containers: view.containers.map((status) => ({ ...status, state: 'exited' })) })).toEqual([]);
    const init = podOf({ initContainers: [{ name: 'main', image: 'none', resources: first(pod).resources }], containers: [] });
    expect(resizesOf(init, view)).toEqual([]);
    expect(resizesOf(podOf({ initContainers: [{ name: 'main', image: 'none', restartPolicy: 'Always', resources: first(pod).resources }], containers: [] }), view)).toHaveLength(1);
  });

  it.each([['cpu', { cpuShares: 2048 }, true], ['cpu', { memoryLimitBytes: 1 }, false], ['memory', { memoryLimitBytes: 1 }, true], ['memory', { cpuShares: 2048 }, false]])('a policy for %s and other %j: restart %s', (resourceName, other, restart) => {
    const strict = sized(first(pod).resources ?? {}, { resizePolicy: [{ resourceName, restartPolicy: 'RestartContainer' }] });
    expect(resizesOf(strict, has({ ...right, ...other }))).toMatchObject([{ restart }]);
  });

  it('what cannot be read of an annotation counts for nothing', () => {
    for (const text of ['', '{', 'null', '[]', '{"wanted":1}']) expect(readMadeWith({ 'orrery.dev/made-with': text })?.memoryRequest).toBeUndefined();
    expect(madeWith(sized({}), first(sized({})), { cpuShares: 2 })).toEqual({});
  });
});

describe('grants', () => {
  it('are what the status tells, else what is asked for; the pod stays the same object when nothing differs', () => {
    const pod = sized({ requests: { cpu: '2' } });
    expect(recordedGrants(pod)).toBeUndefined();
    expect(withGrants(pod, asked(pod))).toBe(pod);
    const status = { containerStatuses: [{ name: 'main', resources: { requests: { cpu: '1500m' }, limits: { cpu: '3' } }, allocatedResources: { cpu: '1' } }, { name: 'gone', resources: {} }] };
    const grants = recordedGrants({ ...pod, status } as unknown as Pod);
    expect([...(grants ?? [])]).toEqual([['main', { requests: { cpu: '1' }, limits: { cpu: '3' } }]]);
    expect(first(withGrants(pod, grants ?? new Map())).resources).toEqual({ requests: { cpu: '1' }, limits: { cpu: '3' } });
    expect(withGrants(pod, new Map([['main', { requests: { cpu: '2000m' } }]]))).toBe(pod);
  });
});

describe('the decision', () => {
  const [small, large] = [sized({ requests: { cpu: '1', memory: '1Gi' } }), sized({ requests: { cpu: '2', memory: '2Gi' } })];
  const input: ResizeInput = { pod: large, granted: small, view: has({ cpuShares: 1024 }), runtime: { name: 'plain', capabilities: { resize: true } }, allocatable: { cpu: '4', memory: '4Gi' }, refusal: undefined };
  const never = (message: string) => ({ do: 'wait', reason: 'Infeasible', message });

  it.each<[string, Partial<ResizeInput>, object]>([
    ['nothing else is asked for', { granted: large }, { do: 'nothing' }],
    ['it fits', {}, { do: 'grant' }],
    ['too much cpu for the node', { allocatable: { cpu: '1500m', memory: '4Gi' } }, never("Node didn't have enough capacity: cpu, requested: 2000, capacity: 1500")],
    ['too much of both', { allocatable: { cpu: '1', memory: '1Gi' } }, never("Node didn't have enough capacity: memory, requested: 2147483648, capacity: 1073741824")],
    ['too much for now', { refusal: { reason: 'OutOfcpu', message: "Pod was rejected: Node didn't have enough resource: cpu, requested: 2000, used: 3000, capacity: 4000" } }, { do: 'wait', reason: 'Deferred', message: "Node didn't have enough resource: cpu, requested: 2000, used: 3000, capacity: 4000" }],
    ['a runtime that cannot', { runtime: { name: 'plain', capabilities: { resize: false } } }, never('In-place resize is not supported by the runtime "plain"')],
    ['a runtime that cannot, and nothing runs', { runtime: { name: 'plain', capabilities: { resize: false } }, view: { sandboxes: [], containers: [] } }, { do: 'grant' }],
    ['a static pod', { pod: { ...large, metadata: { ...large.metadata, uid: 'u', annotations: { 'kubernetes.io/config.source': 'file', 'kubernetes.io/config.hash': 'u' } } } }, never('In-place resize of static-pods is not supported')],
  ])('%s', (_what, over, plan) => {
    expect(planResize({ ...input, ...over })).toEqual(plan);
  });
});

describe('conditions of a resize', () => {
  const pending = { reason: 'Deferred', message: 'm', generation: 3 } as const;
  const at = (seconds: number): string => new Date(seconds * 1000).toISOString();

  it('keep their times while they stay the same, tell a look when only the words are others, and a transition when the reason is', () => {
    const one = resizeConditions({ pending }, false, [], 3, at(1));
    expect(one).toEqual([{ type: 'PodResizePending', status: 'True', reason: 'Deferred', message: 'm', observedGeneration: 3, lastProbeTime: at(1), lastTransitionTime: at(1) }]);
    expect(resizeConditions({ pending }, false, one, 3, at(2))).toEqual(one);
    expect(resizeConditions({ pending: { ...pending, message: 'n' } }, false, one, 3, at(2))).toMatchObject([{ lastProbeTime: at(2), lastTransitionTime: at(1) }]);
    expect(resizeConditions({ pending: { ...pending, reason: 'Infeasible' } }, false, one, 3, at(2))).toMatchObject([{ lastProbeTime: at(2), lastTransitionTime: at(2) }]);
  });

  it('a change under way is told with the generation it was granted for', () => {
    expect(resizeConditions({ begun: 2 }, true, [], 3, at(1))).toMatchObject([{ type: 'PodResizeInProgress', observedGeneration: 2 }]);
    expect(resizeConditions({ begun: 2 }, false, [], 3, at(1))).toEqual([]);
  });
});

describe('who waits', () => {
  const waiting = (name: string, over: Partial<WaitingPod> = {}, spec: object = {}): WaitingPod & { readonly name: string } => ({
    name, since: 10, retry: () => undefined, granted: sized({ requests: { cpu: '1' } }), wanted: { ...sized({ requests: { cpu: '2' } }), spec: { ...sized({ requests: { cpu: '2' } }).spec, ...spec } } as Pod, ...over,
  });

  it('has its turn by what it asks for, its priority, its class and its patience', () => {
    const guaranteed = sized({ requests: { cpu: '2', memory: '1Gi' }, limits: { cpu: '2', memory: '1Gi' } });
    const all = [waiting('last'), waiting('patient', { since: 1 }), waiting('guaranteed', { wanted: guaranteed }), waiting('important', {}, { priority: 5 }), waiting('smaller', { wanted: sized({ requests: { cpu: '500m' } }) })];
    expect(all.sort(compareWaiting).map(({ name }) => name)).toEqual(['smaller', 'important', 'guaranteed', 'patient', 'last']);
  });

  it('is asked once when something is freed, also when that frees more', () => {
    const deferred = new DeferredResizes();
    const asked: string[] = [];
    for (const name of ['a', 'b']) deferred.set(name, waiting(name, { retry: () => { asked.push(name); deferred.set(name, undefined); deferred.retry(); } }));
    deferred.retry();
    expect(asked).toEqual(['a', 'b']);
  });
});
