import {
  ApiError, approximateNumber, type Clock, type Controller, type CustomMetrics, equalJson, errorMessage, HorizontalPodAutoscaler, type HorizontalPodAutoscalerStatus, keyOf, type KindDefinition,
  type KubeObject, Lease, type MetricsSource, type ObjectKey, parseQuantity, readPath, type ReconcileContext, type ReconcileResult, Service, timeOfMillis, watching,
} from '@orrery/core';
import { AutoscalerCaches, informerOptions } from './caches.js';
import { withConditions } from './conditions.js';
import { demandView, type UseView, idleWindowMs, scalesByDemand } from './demand.js';
import { evaluateMetric } from './evaluate.js';
import type { ConditionFacts } from './normalize.js';
import { type AutoscalePlan, type AutoscaleView, planByMetrics, planWithoutMetrics, type PlannedEvent } from './plan.js';
import { metricReaders } from './readers.js';
import type { Tolerance } from './replica-calculator.js';
import { newHistory, type ScaleHistory, withScaleEvent } from './scale-history.js';
import { scalableKinds, type ScalableKind, scaleOf, type TargetScale } from './target.js';
import { UsageTable } from './usage-table.js';

/** What the autoscaler is made from. */
export interface AutoscalerOptions {
  /** Autoscalers worked on at the same time. */
  readonly workers: number;
  /** How often the metrics are read. */
  readonly syncPeriodMs: number;
  /** Stabilisation of scaling down where the behaviour does not say one. */
  readonly downscaleStabilizationMs: number;
  /** How far use may be from its target, where the behaviour does not say it. */
  readonly tolerance: number;
  readonly cpuInitializationMs: number;
  readonly initialReadinessDelayMs: number;
  /** Samples of use that are older are none. */
  readonly maxSampleAgeMs: number;
  /** How long what scales by demand must be unused before its last replica goes. */
  readonly idleMs: number;
  /** All kinds that are served; those with a scale subresource can be targets. */
  kinds(): readonly KindDefinition[];
  usage(): readonly MetricsSource[];
  custom(): readonly CustomMetrics[];
}

/** What one run of the controller remembers. */
interface Running {
  readonly options: AutoscalerOptions;
  readonly caches: AutoscalerCaches;
  readonly usage: UsageTable;
  readonly histories: Map<ObjectKey, { readonly uid: string; history: ScaleHistory }>;
  /** Warnings of the last look, by autoscaler: what is still so is not told again, or the flood would drown the rest. */
  readonly warned: Map<ObjectKey, ReadonlySet<string>>;
}

/** Keeps the number of replicas of anything with a scale subresource where its metrics, or the demand for it, want it. */
export function horizontalPodAutoscaler(options: AutoscalerOptions): Controller {
  return {
    name: 'horizontal-pod-autoscaler',
    workers: options.workers,
    start: (setup) => {
      const caches = new AutoscalerCaches(setup, scalableKinds(options.kinds()));
      const running: Running = { options, caches, usage: new UsageTable(options.usage, setup.clock, options.maxSampleAgeMs), histories: new Map(), warned: new Map() };
      return {
        watches: [
          watching({ kind: HorizontalPodAutoscaler, informer: informerOptions.autoscalers, keys: (next, old) => (old !== undefined && sameWish(next, old) ? [] : [keyOf(next)]) }),
          watching({ kind: Lease, informer: informerOptions.leases, keys: (lease) => caches.askedByLease(lease) }),
          watching({ kind: Service, keys: (service, old) => (old !== undefined && sameWay(service, old) ? [] : caches.askedBy(service)) }),
          ...caches.kinds.map((kind) => watching({ kind, keys: (object, old, deleted) => (wakes(kind, object, old, deleted) ? caches.autoscalersOf(object) : []) })),
        ],
        reconcile: (key, context) => reconcile(key, context, running),
      };
    },
  };
}

/** Its own status is no news to it. */
const sameWish = (next: HorizontalPodAutoscaler, old: HorizontalPodAutoscaler): boolean => equalJson(next.spec, old.spec) && equalJson(next.metadata.annotations ?? {}, old.metadata.annotations ?? {});

const sameWay = (next: Service, old: Service): boolean => equalJson(next.spec.selector ?? {}, old.spec.selector ?? {}) && equalJson(next.metadata.annotations ?? {}, old.metadata.annotations ?? {});

/** The metrics are read in their own time; only what makes a target appear, vanish, be switched on or off, or select other pods (perhaps some at last) cannot wait for it. */
function wakes({ scale }: ScalableKind, object: KubeObject, old: KubeObject | undefined, deleted: boolean): boolean {
  if (old === undefined || deleted) return true;
  const isOn = (one: KubeObject): boolean => Number(readPath(one, scale.specReplicas) ?? 0) > 0;
  const selects = (one: KubeObject): unknown => (scale.labelSelector === undefined ? undefined : readPath(one, scale.labelSelector));
  return isOn(object) !== isOn(old) || !equalJson(selects(object), selects(old));
}

async function reconcile(key: ObjectKey, context: ReconcileContext, running: Running): Promise<ReconcileResult> {
  const { caches, histories, options } = running;
  const autoscaler = caches.autoscalers.get(key);
  const known = histories.get(key);
  if (autoscaler === undefined || (known !== undefined && known.uid !== autoscaler.metadata.uid)) {
    histories.delete(key);
    running.warned.delete(key);
  }
  if (autoscaler === undefined || autoscaler.metadata.deletionTimestamp !== undefined) return;
  const found = readScale(autoscaler, caches);
  if ('error' in found) {
    const conditions = [able('False', 'FailedGetScale', `the HPA controller was unable to get the target's current scale: ${found.error}`)];
    await write(context, autoscaler, { conditions, currentMetrics: undefined, events: [{ type: 'Warning', reason: 'FailedGetScale', message: found.error }] }, running);
    // The kind is watched: when the target appears, this runs again.
    return;
  }
  const plan = await planFor(autoscaler, found, context, running);
  await carryOut(context, autoscaler, found, plan, running);
  return plan.watchMetrics ? { againAfterMs: options.syncPeriodMs } : undefined;
}

interface Target {
  readonly kind: ScalableKind;
  readonly object: KubeObject;
  readonly scale: TargetScale;
}

function readScale(autoscaler: HorizontalPodAutoscaler, caches: AutoscalerCaches): Target | { readonly error: string } {
  const { apiVersion = '', kind, name } = autoscaler.spec.scaleTargetRef;
  const target = caches.target(autoscaler);
  if (target === undefined) return { error: `no matches for kind ${JSON.stringify(kind)} with a scale subresource in group ${JSON.stringify(apiVersion.split('/')[0])}` };
  if (target.object === undefined) return { error: `${target.kind.plural}${target.kind.group === '' ? '' : `.${target.kind.group}`} ${JSON.stringify(name)} not found` };
  try {
    return { kind: target.kind, object: target.object, scale: scaleOf(target.kind, target.object) };
  } catch (error) {
    if (error instanceof RangeError) return { error: error.message };
    throw error;
  }
}

async function planFor(autoscaler: HorizontalPodAutoscaler, { object, scale }: Target, context: ReconcileContext, running: Running): Promise<AutoscalePlan> {
  const { options, caches, usage, histories } = running;
  const { clock, signal } = context;
  const { namespace = '', uid = '' } = autoscaler.metadata;
  const key = keyOf(autoscaler);
  const now = clock.monotonic();
  let entry = histories.get(key);
  if (entry === undefined) histories.set(key, (entry = { uid, history: newHistory(scale.specReplicas, now) }));
  const demand = scalesByDemand(autoscaler) ? demandView(useOf(autoscaler, object, scale, running, clock)) : undefined;
  const view: AutoscaleView = { autoscaler, currentReplicas: scale.specReplicas, demand, downscaleStabilizationMs: options.downscaleStabilizationMs, history: entry.history, now };
  const early = planWithoutMetrics(view);
  if (early !== undefined) return early;

  if (scale.selector === undefined || scale.selector.empty) return blocked(view, 'InvalidSelector', "the HPA target's scale is missing a selector", 'SelectorRequired', 'selector is required');
  const pods = caches.pods(namespace, scale.selector);
  const rivals = caches.rivals(autoscaler, pods);
  if (rivals.length > 0) {
    const message = `pods by selector ${scale.selector.toString()} are controlled by multiple HPAs: ${[autoscaler.metadata.name, ...rivals].join(', ')}`;
    return blocked(view, 'AmbiguousSelector', message, 'AmbiguousSelector', message);
  }
  const readers = metricReaders({ usage, sources: options.custom(), namespace, clock, signal });
  const facts = {
    specReplicas: scale.specReplicas,
    statusReplicas: scale.statusReplicas,
    tolerance: toleranceOf(autoscaler, options.tolerance),
    cpuInitializationMs: options.cpuInitializationMs,
    initialReadinessDelayMs: options.initialReadinessDelayMs,
    pods,
    now: clock.now(),
  };
  return planByMetrics(view, await Promise.all((autoscaler.spec.metrics ?? []).map((metric) => evaluateMetric(metric, facts, readers))));
}

function useOf(autoscaler: HorizontalPodAutoscaler, object: KubeObject, { selector }: TargetScale, { caches, options }: Running, clock: Clock): UseView {
  const { told, demands } = caches.demands(autoscaler.metadata.namespace ?? '', object, selector);
  return { autoscaler, demands, told, idleWindowMs: idleWindowMs(autoscaler, options.idleMs), now: clock.now() };
}

function toleranceOf({ spec: { behavior } }: HorizontalPodAutoscaler, standard: number): Tolerance {
  const own = (text: string | undefined): number => {
    const quantity = text === undefined ? undefined : parseQuantity(text);
    return quantity === undefined ? standard : approximateNumber(quantity);
  };
  return { scaleUp: own(behavior?.scaleUp?.tolerance), scaleDown: own(behavior?.scaleDown?.tolerance) };
}

/** Nothing can be calculated; it is looked at again in its time. */
function blocked(view: AutoscaleView, reason: string, message: string, event: string, text: string): AutoscalePlan {
  const events: PlannedEvent[] = [{ type: 'Warning', reason: event, message: text }, { type: 'Warning', reason: 'FailedComputeMetricsReplicas', message: text }];
  const conditions: ConditionFacts[] = [{ type: 'ScalingActive', status: 'False', reason, message }];
  return { replicas: view.currentReplicas, reason: '', conditions, events, history: view.history, watchMetrics: true };
}

const able = (status: 'True' | 'False', reason: string, message: string): ConditionFacts => ({ type: 'AbleToScale', status, reason, message });

async function carryOut(context: ReconcileContext, autoscaler: HorizontalPodAutoscaler, { kind, object, scale }: Target, plan: AutoscalePlan, running: Running): Promise<void> {
  const { client, clock } = context;
  const { specReplicas: current } = scale;
  const { replicas, reason } = plan;
  const outcome = { currentReplicas: current, currentMetrics: plan.currentMetrics };
  const got = able('True', 'SucceededGetScale', "the HPA controller was able to get the target's current scale");
  const remember = (history: ScaleHistory): void => void running.histories.set(keyOf(autoscaler), { uid: autoscaler.metadata.uid ?? '', history });
  if (replicas === current) {
    remember(plan.history);
    await write(context, autoscaler, { ...outcome, desiredReplicas: current, conditions: [got, ...plan.conditions], events: plan.events }, running);
    return;
  }
  const { namespace } = autoscaler.metadata;
  try {
    const { name = '', resourceVersion } = object.metadata;
    // What was decided for another version is not carried out: asking for metrics takes its time, and whoever switched the target off meanwhile meant it.
    await client.kind(kind).scale({ ...(kind.namespaced && { namespace }), name }, replicas, { resourceVersion });
  } catch (error) {
    if (ApiError.is(error, 'Conflict')) throw error;
    const text = errorMessage(error);
    const event: PlannedEvent = { type: 'Warning', reason: 'FailedRescale', message: `New size: ${replicas}; reason: ${reason}; error: ${text}` };
    const conditions = [got, ...plan.conditions, able('False', 'FailedUpdateScale', `the HPA controller was unable to update the target scale: ${text}`)];
    await write(context, autoscaler, { ...outcome, conditions, events: [...plan.events, event] }, running);
    throw error;
  }
  remember(withScaleEvent(plan.history, current, replicas, clock.monotonic()));
  const event: PlannedEvent = { type: 'Normal', reason: 'SuccessfulRescale', message: `New size: ${replicas}; reason: ${reason}` };
  const conditions = [got, ...plan.conditions, able('True', 'SucceededRescale', `the HPA controller was able to update the target scale to ${replicas}`)];
  await write(context, autoscaler, { ...outcome, desiredReplicas: replicas, conditions, events: [...plan.events, event], lastScaleTime: timeOfMillis(clock.now()) }, running);
}

/** What is to be told of one look; what is left out stays as it is. */
interface Outcome extends Partial<Pick<HorizontalPodAutoscalerStatus, 'currentReplicas' | 'desiredReplicas' | 'lastScaleTime'>> {
  readonly currentMetrics: AutoscalePlan['currentMetrics'] | undefined;
  readonly conditions: readonly ConditionFacts[];
  readonly events: readonly PlannedEvent[];
}

/** Events, and the status if it is another than before. */
async function write(context: ReconcileContext, autoscaler: HorizontalPodAutoscaler, outcome: Outcome, { warned }: Running): Promise<void> {
  const { client, clock } = context;
  tell(context, autoscaler, outcome.events, warned);
  const { status: before = { desiredReplicas: 0 } } = autoscaler;
  const { currentMetrics, conditions, events: _, ...numbers } = outcome;
  const status: HorizontalPodAutoscalerStatus = {
    ...before,
    ...numbers,
    ...(currentMetrics !== undefined && { currentMetrics: [...currentMetrics] }),
    conditions: withConditions(before.conditions ?? [], conditions, timeOfMillis(clock.now())),
  };
  if (status.currentMetrics?.length === 0) delete status.currentMetrics;
  if (equalJson(status, autoscaler.status)) return;
  try {
    await client.kind(HorizontalPodAutoscaler).updateStatus({ ...autoscaler, status });
  } catch (error) {
    // Deleted in between: there is nobody left to tell.
    if (!ApiError.is(error, 'NotFound')) throw error;
  }
}

function tell({ events }: ReconcileContext, autoscaler: HorizontalPodAutoscaler, planned: readonly PlannedEvent[], warned: Map<ObjectKey, ReadonlySet<string>>): void {
  const key = keyOf(autoscaler);
  const before = warned.get(key);
  const now = new Set<string>();
  for (const { type, reason, message } of planned) {
    const text = `${reason}: ${message}`;
    if (type === 'Warning') now.add(text);
    if (type === 'Normal' || before?.has(text) !== true) events.event(autoscaler, type, reason, message);
  }
  if (now.size > 0) warned.set(key, now);
  else warned.delete(key);
}
