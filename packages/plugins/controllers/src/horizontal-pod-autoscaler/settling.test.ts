import { HorizontalPodAutoscaler, type Pod } from '@orrery/core';
import { SeededRandom } from '@orrery/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { make } from '../test-support/world.js';
import { evaluateMetric } from './evaluate.js';
import { type AutoscaleView, planByMetrics, planWithoutMetrics } from './plan.js';
import { newHistory, type ScaleHistory, withScaleEvent } from './scale-history.js';

// The shipped plan in a small world of virtual time: pods that start slowly and share a load. An hour of it takes milliseconds.

const TICK_MS = 15_000;
const HOUR_TICKS = 240;
/** From the wish for a pod to its being ready. */
const START_MS = 20_000;
const REQUEST_MILLIS = 1000;

interface Bounds {
  readonly minReplicas: number;
  readonly maxReplicas: number;
  readonly utilization: number;
  readonly behavior?: object;
}

interface Run {
  /** Replicas after each tick. */
  readonly replicas: readonly number[];
}

/** How the world treats the plan: `stale` lets it see the number of before, `lost` forgets what the controller remembered (a restart). */
interface Perturbation {
  stale(tick: number): boolean;
  lost(tick: number): boolean;
}

const CALM: Perturbation = { stale: () => false, lost: () => false };

async function run(bounds: Bounds, load: (ms: number) => number, ticks = HOUR_TICKS, perturbed: Perturbation = CALM): Promise<Run> {
  const autoscaler = autoscalerOf(bounds);
  const born: number[] = Array.from({ length: bounds.minReplicas }, () => -3_600_000);
  const epoch = Date.UTC(2026, 0, 1);
  let history: ScaleHistory = newHistory(born.length, 0);
  let before = born.length;
  const replicas: number[] = [];
  for (let tick = 0; tick < ticks; tick += 1) {
    const now = tick * TICK_MS;
    const seen = perturbed.stale(tick) ? before : born.length;
    if (perturbed.lost(tick)) history = newHistory(seen, now);
    const pods = born.slice(0, Math.max(seen, 0)).map((at, i) => podOf(i, epoch + at, epoch + now));
    const ready = born.filter((at) => at + START_MS <= now).length;
    const each = Math.round(Math.min(load(now) / Math.max(1, ready), 4 * REQUEST_MILLIS));
    const metrics = new Map(pods.filter(isReady).map((pod) => [pod.metadata.name ?? '', { value: each, timestamp: epoch + now, windowMs: 0 }]));
    const view: AutoscaleView = { autoscaler, currentReplicas: seen, downscaleStabilizationMs: 300_000, history, now };
    const facts = { specReplicas: seen, statusReplicas: seen, tolerance: { scaleUp: 0.1, scaleDown: 0.1 }, pods, now: epoch + now, cpuInitializationMs: 300_000, initialReadinessDelayMs: 30_000 };
    const unused = (): never => {
      throw new Error('only cpu is measured here');
    };
    const evaluations = await Promise.all((autoscaler.spec.metrics ?? []).map((metric) => evaluateMetric(metric, facts, { resource: () => metrics, pods: unused, object: unused, external: unused })));
    const plan = planWithoutMetrics(view) ?? planByMetrics(view, evaluations);
    before = born.length;
    history = withScaleEvent(plan.history, seen, plan.replicas, now);
    // What is written is the number, whatever it was meanwhile.
    while (born.length < plan.replicas) born.push(now);
    while (plan.replicas !== seen && born.length > plan.replicas) born.pop();
    replicas.push(born.length);
  }
  return { replicas };
}

const isReady = ({ status }: Pod): boolean => status?.conditions?.[0]?.status === 'True';

function podOf(index: number, born: number, now: number): Pod {
  const up = born + START_MS <= now;
  const iso = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`;
  return make<Pod>({
    apiVersion: 'v1', kind: 'Pod', metadata: { name: `p${index}` }, spec: { containers: [{ name: 'c', resources: { requests: { cpu: `${REQUEST_MILLIS}m` } } }] },
    status: { phase: up ? 'Running' : 'Pending', startTime: iso(born), conditions: [{ type: 'Ready', status: up ? 'True' : 'False', lastTransitionTime: iso(up ? born + START_MS : born) }] },
  });
}

function autoscalerOf({ minReplicas, maxReplicas, utilization, behavior }: Bounds): HorizontalPodAutoscaler {
  const metrics = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: utilization } } }];
  const autoscaler = make<HorizontalPodAutoscaler>({
    apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: { name: 'x' },
    spec: { minReplicas, maxReplicas, metrics, scaleTargetRef: { kind: 'Deployment', name: 'x' }, ...(behavior && { behavior }) },
  });
  HorizontalPodAutoscaler.rules.applyDefaults?.(autoscaler);
  return autoscaler;
}

/** How often the number turns from growing to shrinking or back. */
function turns(replicas: readonly number[]): number {
  let [count, last] = [0, 0];
  replicas.forEach((next, i) => {
    const direction = i === 0 ? 0 : Math.sign(next - (replicas[i - 1] ?? next));
    if (direction !== 0 && last !== 0 && direction !== last) count += 1;
    if (direction !== 0) last = direction;
  });
  return count;
}

const changes = (replicas: readonly number[]): number => replicas.filter((next, i) => i > 0 && next !== replicas[i - 1]).length;

const bounds: fc.Arbitrary<Bounds> = fc.record({
  minReplicas: fc.integer({ min: 1, max: 5 }),
  maxReplicas: fc.integer({ min: 5, max: 40 }),
  utilization: fc.integer({ min: 20, max: 90 }),
});
/** The same with policies and windows of its own. */
const policies = fc.array(fc.record({ type: fc.constantFrom('Pods', 'Percent'), value: fc.integer({ min: 1, max: 100 }), periodSeconds: fc.integer({ min: 1, max: 600 }) }), { minLength: 1, maxLength: 3 });
const rules = fc.record({ selectPolicy: fc.constantFrom('Max', 'Min', 'Disabled'), stabilizationWindowSeconds: fc.integer({ min: 0, max: 600 }), policies });
const anyBounds = fc.tuple(bounds, fc.option(fc.record({ scaleUp: rules, scaleDown: rules }), { nil: undefined })).map(([one, behavior]): Bounds => ({ ...one, ...(behavior && { behavior }) }));
const cores = fc.integer({ min: 0, max: 30_000 });
const wildLoad = fc.integer().map((seed) => {
  const random = new SeededRandom(seed);
  const values = Array.from({ length: HOUR_TICKS }, () => random.int(60_000));
  return (ms: number): number => values[Math.floor(ms / TICK_MS)] ?? 0;
});

describe('the number of replicas', () => {
  it('never leaves its bounds, whatever the load, the behaviour and what the controller forgot or saw late', () =>
    fc.assert(
      fc.asyncProperty(anyBounds, wildLoad, fc.integer(), async (one, load, seed) => {
        const random = new SeededRandom(seed);
        const perturbed = { stale: () => random.int(5) === 0, lost: () => random.int(20) === 0 };
        const { replicas } = await run(one, load, 80, perturbed);
        for (const count of replicas) {
          expect(count).toBeGreaterThanOrEqual(one.minReplicas);
          expect(count).toBeLessThanOrEqual(one.maxReplicas);
        }
      }),
      { numRuns: 60 },
    ));

  it('settles under a constant load, and then carries it as near to its target as the bounds allow', () =>
    fc.assert(
      fc.asyncProperty(bounds, cores, async (one, load) => {
        const { replicas } = await run(one, () => load);
        expect(changes(replicas.slice(120)), 'changes in the second half hour').toBe(0);
        const count = replicas.at(-1) ?? 0;
        const use = Math.floor((100 * Math.min(load / count, 4 * REQUEST_MILLIS)) / REQUEST_MILLIS);
        if (count < one.maxReplicas) expect(use).toBeLessThanOrEqual(Math.ceil(one.utilization * 1.1));
        if (count > one.minReplicas) expect((load * 100) / ((count - 1) * REQUEST_MILLIS)).toBeGreaterThan(one.utilization * 0.9 - 1);
      }),
      { numRuns: 60 },
    ));

  it('follows a step, and turns round once at most: from a first guess that was too high', () =>
    fc.assert(
      fc.asyncProperty(bounds, cores, cores, async (one, low, high) => {
        const { replicas } = await run(one, (ms) => (ms < 1_200_000 ? low : high));
        const step = 1_200_000 / TICK_MS;
        expect(turns(replicas.slice(0, step))).toBeLessThanOrEqual(1);
        expect(turns(replicas.slice(step - 1))).toBeLessThanOrEqual(1);
      }),
      { numRuns: 60 },
    ));

  it('follows a ramp one way', () =>
    fc.assert(
      fc.asyncProperty(bounds, cores, async (one, high) => {
        const { replicas } = await run(one, (ms) => (high * ms) / 3_600_000);
        expect(turns(replicas)).toBe(0);
      }),
      { numRuns: 40 },
    ));

  it('follows a sine with two turns a period at most', () =>
    fc.assert(
      fc.asyncProperty(bounds, cores, fc.integer({ min: 10, max: 60 }), async (one, high, minutes) => {
        const { replicas } = await run(one, (ms) => (high * (1 + Math.sin((2 * Math.PI * ms) / (minutes * 60_000)))) / 2);
        expect(turns(replicas)).toBeLessThanOrEqual(2 * Math.ceil(60 / minutes) + 1);
      }),
      { numRuns: 40 },
    ));

  it('does not flap under noise of a tenth: scaling down waits for its window', () =>
    fc.assert(
      fc.asyncProperty(bounds, cores, fc.integer(), async (one, mean, seed) => {
        const random = new SeededRandom(seed);
        const noise = Array.from({ length: HOUR_TICKS }, () => 0.9 + random.float() * 0.2);
        const { replicas } = await run(one, (ms) => mean * (noise[Math.floor(ms / TICK_MS)] ?? 1));
        expect(turns(replicas)).toBeLessThanOrEqual(4);
        expect(changes(replicas)).toBeLessThanOrEqual(24);
      }),
      { numRuns: 40 },
    ));
});
