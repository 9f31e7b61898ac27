import type { Pod } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import { cpuOf, memoryOf, processesOf } from '../metrics/proc-files.js';
import { observationsOf } from '../metrics/meter.js';
import { podOf } from '../test/build.js';
import { admitUnderPressure } from './admit.js';
import { localStorageEviction } from './local-storage.js';
import { assess, INITIAL_STATE, planEviction } from './plan.js';
import { type Candidate, type PodConsumption, rankForEviction } from './rank.js';
import { evictionOption, evictionSettings } from './settings.js';
import type { Observations } from './signals.js';
import { amountOfValue, parseThresholds, type Threshold, thresholdsOf } from './thresholds.js';

const Mi = 1024 ** 2;
const memory = (available: number, capacity = 1000): Observations => new Map([['memory.available', { available: available * Mi, capacity: capacity * Mi }]]);
const pod = (name: string, { requests = {}, ...spec }: { requests?: object } & Record<string, unknown> = {}): Pod =>
  podOf({ containers: [{ name: 'main', image: 'none', resources: { requests } }], ...spec }, { metadata: { name, namespace: 'default', uid: name } });
const using = (workingSetMi: number, more: object = {}): PodConsumption => ({ containers: [{ name: 'main', workingSetBytes: workingSetMi * Mi, ...more }], volumes: new Map() });
const HARD = parseThresholds({ 'memory.available': '100Mi' });

describe('thresholds', () => {
  it.each([
    ['5000', { quantity: '5k' }],
    ['1.5Gi', { quantity: '1536Mi' }],
    ['12.5%', { percentage: 0.125 }],
    ['0%', undefined],
    ['100%', undefined],
  ])('reads %s', (text, value) => expect(parseThresholds({ 'pid.available': text })[0]?.value).toEqual(value));

  it.each([['-5%'], ['101%'], ['x%'], ['%'], ['0'], ['-1Mi'], [''], ['1e999999999']])('refuses %j', (text) => expect(() => parseThresholds({ 'memory.available': text })).toThrow());

  it('refuses signals that do not exist', () => {
    expect(() => parseThresholds({ 'cpu.available': '1' })).toThrow('unsupported eviction signal cpu.available');
    expect(() => parseThresholds({ ['__proto__x']: '1' })).toThrow('unsupported');
  });

  it('wants a grace period for each soft one', () => {
    const config = { evictionHard: {}, evictionSoft: { 'memory.available': '200Mi' }, evictionSoftGracePeriodSeconds: {}, evictionMinimumReclaim: { 'memory.available': '5%' } };
    expect(() => thresholdsOf(config)).toThrow('grace period must be specified for the soft eviction threshold memory.available');
    expect(thresholdsOf({ ...config, evictionSoftGracePeriodSeconds: { 'memory.available': 90 } })).toEqual([
      { signal: 'memory.available', value: { quantity: '200Mi' }, gracePeriodMs: 90_000, minReclaim: { percentage: 0.05 } },
    ]);
  });

  it('takes percentages of the capacity as the kubelet does, in 32 bits', () => expect(amountOfValue({ percentage: 0.1 }, 10 * 1024 ** 3)).toBe(1_073_741_840));

  it('has settings that name what is wrong', () => {
    expect(evictionSettings('kubelet').thresholds).toHaveLength(5);
    expect(evictionSettings().thresholds.map(({ signal }) => signal)).toEqual(['memory.available']);
    expect(evictionSettings('off').thresholds).toEqual([]);
    expect(evictionOption.safeParse({ evictionHard: { 'memory.available': 'much' } }).error?.message).toContain('is not a quantity: much');
    expect(evictionOption.safeParse({ evictionHard: { 'cpu.available': '1' } }).success).toBe(false);
  });
});

describe('an assessment', () => {
  const round = (state = INITIAL_STATE, available = 50, now = 0, thresholds: readonly Threshold[] = HARD) => assess(state, { thresholds, transitionMs: 300_000, observations: memory(available), now });

  it('reports pressure at once and until the transition period has passed', () => {
    const first = round();
    expect(first).toMatchObject({ pressures: ['MemoryPressure'], due: HARD });
    const relieved = round(first.state, 200, 10_000);
    expect(relieved).toMatchObject({ pressures: ['MemoryPressure'], due: [] });
    expect(round(relieved.state, 200, 299_999).pressures).toEqual(['MemoryPressure']);
    expect(round(relieved.state, 200, 300_000).pressures).toEqual([]);
  });

  it('is not met by exactly the threshold, nor by what is not measured', () => {
    expect(round(INITIAL_STATE, 100).due).toEqual([]);
    expect(assess(INITIAL_STATE, { thresholds: HARD, transitionMs: 0, observations: new Map(), now: 0 })).toMatchObject({ pressures: [], due: [] });
  });

  it('waits for the grace of a soft threshold, anew after it was relieved', () => {
    const soft = [{ ...(HARD[0] as Threshold), gracePeriodMs: 30_000 }];
    const first = round(INITIAL_STATE, 50, 0, soft);
    expect(first).toMatchObject({ pressures: ['MemoryPressure'], due: [] });
    expect(round(first.state, 50, 29_999, soft).due).toEqual([]);
    expect(round(first.state, 50, 30_000, soft).due).toEqual(soft);
    const relieved = round(first.state, 500, 20_000, soft);
    expect(round(relieved.state, 50, 30_000, soft).due).toEqual([]);
  });

  it('goes on until the minimum reclaim is reached', () => {
    const eager = [{ ...(HARD[0] as Threshold), minReclaim: { quantity: '50Mi' } }];
    const first = round(INITIAL_STATE, 50, 0, eager);
    expect(round(first.state, 149, 1, eager).due).toEqual(eager);
    expect(round(first.state, 150, 1, eager).due).toEqual([]);
    expect(round(INITIAL_STATE, 120, 1, eager).due).toEqual([]);
  });
});

describe('the order of eviction', () => {
  const names = (candidates: readonly Candidate[]): unknown => candidates.map((candidate) => candidate.pod.metadata.name);
  const layers = (rootfsBytes: number, logBytes: number): PodConsumption => ({ containers: [{ name: 'main', rootfsBytes, logBytes }], volumes: new Map() });

  it('counts disk beyond the request, on the file system that is full', () => {
    const candidates: Candidate[] = [
      { pod: pod('within', { requests: { 'ephemeral-storage': '1Gi' } }), usage: layers(500, 500) },
      { pod: pod('layers'), usage: layers(300, 1) },
      { pod: pod('logs'), usage: layers(1, 200) },
      { pod: pod('important', { priority: 5 }), usage: layers(9_999, 9_999) },
      { pod: pod('unknown', { priority: 9 }) },
    ];
    expect(names(rankForEviction('nodefs.available', candidates, false))).toEqual(['unknown', 'layers', 'logs', 'important', 'within']);
    expect(names(rankForEviction('nodefs.available', candidates, true))).toEqual(['unknown', 'logs', 'layers', 'important', 'within']);
    expect(names(rankForEviction('imagefs.available', candidates, true))).toEqual(['unknown', 'layers', 'logs', 'important', 'within']);
  });

  it('counts volumes, but not those in memory, and inodes where those are short', () => {
    const withVolume = (name: string, medium: string, bytes: number, inodes: number): Candidate => ({
      pod: pod(name, { volumes: [{ name: 'v', emptyDir: { medium } }] }), usage: { containers: [], volumes: new Map([['v', { bytes, inodes }]]) },
    });
    const candidates = [withVolume('memory', 'Memory', 1_000, 1_000), withVolume('few', '', 900, 1), withVolume('many', '', 100, 50)];
    expect(names(rankForEviction('nodefs.available', candidates, false))).toEqual(['few', 'many', 'memory']);
    expect(names(rankForEviction('nodefs.inodesFree', candidates, false))).toEqual(['many', 'few', 'memory']);
  });

  it('picks the first that is not critical, and says why in the kubelet\'s words', () => {
    const plan = planEviction({
      due: HARD, observations: memory(60), imagefsApart: false, maxPodGracePeriodSeconds: 0,
      candidates: [{ pod: pod('critical', { priority: 2_000_000_000 }) }, { pod: pod('small'), usage: using(10) }, { pod: pod('big'), usage: using(300) }],
    });
    expect(plan?.victim.pod.metadata.name).toBe('big');
    const message = 'The node was low on resource: memory. Threshold quantity: 100Mi, available: 60Mi. Container main was using 300Mi, request is 0, has larger consumption of memory. ';
    expect(plan?.eviction).toEqual({ reason: 'Evicted', message, graceSeconds: 0, condition: { type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet', message } });
  });

  it('gives grace for a soft threshold, and blames nobody who keeps to its request', () => {
    const soft = [{ ...(HARD[0] as Threshold), gracePeriodMs: 1 }];
    const input = { due: soft, observations: memory(60), imagefsApart: false, candidates: [{ pod: pod('one', { requests: { memory: '300Mi' }, terminationGracePeriodSeconds: 20 }), usage: using(300) }] };
    expect(planEviction({ ...input, maxPodGracePeriodSeconds: 60 })?.eviction).toMatchObject({ graceSeconds: 20, message: 'The node was low on resource: memory. Threshold quantity: 100Mi, available: 60Mi. ' });
    expect(planEviction({ ...input, maxPodGracePeriodSeconds: 5 })?.eviction.graceSeconds).toBe(5);
    expect(planEviction({ ...input, candidates: [], maxPodGracePeriodSeconds: 5 })).toBeUndefined();
  });

  it('cares for memory before disk', () => {
    const due = parseThresholds({ 'nodefs.available': '10%', 'memory.available': '100Mi' });
    const observations = new Map([...memory(60), ['nodefs.available', { available: 1, capacity: 100 }] as const]);
    expect(planEviction({ due, observations, candidates: [{ pod: pod('one'), usage: using(1) }], imagefsApart: false, maxPodGracePeriodSeconds: 0 })?.eviction.message).toContain('resource: memory');
  });
});

describe('limits of local storage', () => {
  const limited = podOf({
    containers: [{ name: 'main', resources: { limits: { 'ephemeral-storage': '10Mi' } } }, { name: 'free' }],
    volumes: [{ name: 'cache', emptyDir: { sizeLimit: '5Mi' } }],
  });
  const usage = (rootfs: number, log: number, volume: number, free = 0) => ({
    containers: [{ name: 'main', rootfsBytes: rootfs * Mi, logBytes: log * Mi }, { name: 'free', rootfsBytes: free * Mi, logBytes: 0 }],
    volumes: new Map([['cache', { bytes: volume * Mi, inodes: 1, complete: true }]]),
  });
  it.each([
    [usage(4, 1, 5), false, undefined],
    [usage(0, 0, 6), false, 'Usage of EmptyDir volume "cache" exceeds the limit "5Mi". '],
    [usage(4, 2, 5), false, 'Pod ephemeral local storage usage exceeds the total limit of containers 10Mi. '],
    [usage(0, 0, 0, 11), false, 'Pod ephemeral local storage usage exceeds the total limit of containers 10Mi. '],
  ])('case %#', (used, apart, message) => {
    expect(localStorageEviction(limited, used, apart)?.message).toBe(message);
  });

  it('of one container, where another raises the sum', () => {
    const two = podOf({ containers: [{ name: 'main', resources: { limits: { 'ephemeral-storage': '10Mi' } } }, { name: 'free', resources: { limits: { 'ephemeral-storage': '10Mi' } } }] });
    expect(localStorageEviction(two, usage(8, 3, 0), false)?.message).toBe('Container main exceeded its local ephemeral storage limit "10Mi". ');
    expect(localStorageEviction(two, usage(8, 3, 0), true)).toBeUndefined();
  });
});

describe('a node under pressure', () => {
  const burstable = pod('burstable', { requests: { memory: '1Mi' } });
  const tolerant = pod('tolerant', { tolerations: [{ key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' }] });
  const critical = pod('critical', { priority: 2_000_000_000 });
  it.each([
    [pod('besteffort'), [], true],
    [pod('besteffort'), ['MemoryPressure'], false],
    [burstable, ['MemoryPressure'], true],
    [tolerant, ['MemoryPressure'], true],
    [burstable, ['DiskPressure'], false],
    [tolerant, ['MemoryPressure', 'PIDPressure'], false],
    [critical, ['MemoryPressure', 'DiskPressure'], true],
  ] as const)('case %#', (one, pressures, admitted) => expect(admitUnderPressure(one, pressures) === undefined).toBe(admitted));

  it('says which, in the kubelet\'s words', () =>
    expect(admitUnderPressure(burstable, ['MemoryPressure', 'DiskPressure'])).toEqual({ reason: 'Evicted', message: 'Pod was rejected: The node had condition: [MemoryPressure DiskPressure]. ' }));
});

describe('what is measured', () => {
  const meminfo = 'MemTotal:       1000 kB\nMemFree:         400 kB\nMemAvailable:    700 kB\n';
  it('is the working set of the root control group, in both versions, or what the kernel says', () => {
    expect(memoryOf({ meminfo, memoryUsage: '614400\n', memoryStat: 'cache 1\ninactive_file 1\ntotal_inactive_file 102400\n' })).toEqual({ workingSetBytes: 512_000, availableBytes: 512_000 });
    expect(memoryOf({ meminfo, memoryStat: 'anon 5\ninactive_file 102400\n' })).toEqual({ workingSetBytes: 512_000, availableBytes: 512_000 });
    expect(memoryOf({ meminfo, memoryUsage: '614400', memoryStat: 'inactive_file 102400\n', memoryLimit: '614400\n' })).toMatchObject({ availableBytes: 102_400 });
    expect(memoryOf({ meminfo, memoryLimit: 'max\n' })).toEqual({ workingSetBytes: 307_200, availableBytes: 716_800 });
    expect(memoryOf({})).toBeUndefined();
  });

  it('counts threads and cpu', () => {
    expect(processesOf({ loadavg: '0.1 0.2 0.3 1/234 5678\n', pidMax: '32768\n', threadsMax: '9000\n' })).toEqual({ running: 234, max: 9_000 });
    expect(cpuOf({ cpuUsage: '123\n' })).toBe(123);
    expect(cpuOf({ cpuStat: 'usage_usec 5\nuser_usec 1\n' })).toBe(5_000);
    expect(cpuOf({ stat: 'cpu  10 20 30 400 50 1 2 3 0 0\ncpu0 1 1 1\n' })).toBe(660_000_000);
  });

  it('becomes signals; a file system without inodes has none to lack', () => {
    const filesystem = { availableBytes: 1, capacityBytes: 2, inodesFree: 0, inodes: 0 };
    expect([...observationsOf({ nodefs: filesystem, processes: { running: 3, max: 10 } })]).toEqual([['nodefs.available', { available: 1, capacity: 2 }], ['pid.available', { available: 7, capacity: 10 }]]);
  });
});
