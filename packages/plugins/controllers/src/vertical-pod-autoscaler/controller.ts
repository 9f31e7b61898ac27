import {
  ApiError, type Controller, equalJson, fnv64a, keyOf, type KindDefinition, type Lister, type MetricsSource, milliValue, type ObjectKey, Pod, type PodUsage, type ReconcileContext, type ReconcileResult, timeOfMillis, watching,
} from '@orrery/core';
import { controllerRefOf } from '../shared/claim.js';
import { isPodActive } from '../shared/pods.js';
import { ContainerUse } from './container-use.js';
import { type ContainerRecommendation, type VerticalCondition, VerticalPodAutoscaler, VerticalPodAutoscalerCheckpoint } from './kind.js';
import { type EvictionView, planEviction } from './plan-eviction.js';
import { differs, policyOf, recommend, type RecommendOptions } from './recommend.js';
import { podsOf, type TargetListers, targetListers, targetOf } from './target-pods.js';

/** What the recommender is made from. */
export interface RecommenderOptions extends RecommendOptions {
  /** How often use is sampled. */
  readonly sampleMs: number;
  /** How often what was learnt is kept. */
  readonly checkpointMs: number;
  kinds(): readonly KindDefinition[];
  usage(): readonly MetricsSource[];
}

/** What is known of one autoscaler's containers. */
interface Known {
  readonly uid: string;
  readonly containers: Map<string, ContainerUse>;
  /** Monotonic; when it was kept last. */
  savedAt: number;
}

interface Running {
  readonly options: RecommenderOptions;
  readonly autoscalers: Lister<VerticalPodAutoscaler>;
  readonly pods: Lister<Pod>;
  readonly targets: TargetListers;
  readonly known: Map<ObjectKey, Known>;
}

/** Learns what containers use and recommends what they should ask for; evicts pods that are far from it only where it is told to. */
export function verticalPodAutoscaler(options: RecommenderOptions): Controller {
  return {
    name: 'vertical-pod-autoscaler',
    start: (setup) => {
      const running: Running = {
        options,
        autoscalers: setup.informer(VerticalPodAutoscaler).lister,
        pods: setup.informer(Pod).lister,
        targets: targetListers(setup, options.kinds()),
        known: new Map(),
      };
      return {
        watches: [watching({ kind: VerticalPodAutoscaler, keys: (next, old) => (old !== undefined && equalJson(next.spec, old.spec) ? [] : [keyOf(next)]) })],
        reconcile: (key, context) => reconcile(key, context, running),
      };
    },
  };
}

async function reconcile(key: ObjectKey, context: ReconcileContext, running: Running): Promise<ReconcileResult> {
  const { options, autoscalers, known } = running;
  const autoscaler = autoscalers.get(key);
  if (autoscaler === undefined || known.get(key)?.uid !== autoscaler.metadata.uid) known.delete(key);
  if (autoscaler === undefined || autoscaler.metadata.deletionTimestamp !== undefined) return;
  const again = { againAfterMs: options.sampleMs };
  const target = targetOf(autoscaler, running.targets);
  if (target === undefined) {
    await write(context, autoscaler, undefined, { type: 'ConfigUnsupported', status: 'True', reason: 'TargetNotFound', message: 'the target does not exist, or its pods cannot be told' });
    return again;
  }
  const pods = podsOf(running.pods, autoscaler.metadata.namespace ?? '', target.selector);
  const entry = known.get(key) ?? (await remembered(context, autoscaler, pods));
  known.set(key, entry);
  learn(entry, pods, running);
  const current = await write(context, autoscaler, recommendations(autoscaler, entry, options), { type: 'ConfigUnsupported', status: 'False', reason: 'TargetFound', message: '' });
  if (context.clock.monotonic() - entry.savedAt >= options.checkpointMs) await save(context, autoscaler, entry);
  const others = new Set(autoscalers.list(autoscaler.metadata.namespace).flatMap(({ metadata: { uid, name } }) => (uid === autoscaler.metadata.uid ? [] : [name ?? ''])));
  await evictOne(context, { autoscaler: current, pods, wanted: target.wanted, others });
  return again;
}

/** What was learnt in a former life. */
async function remembered({ client, clock }: ReconcileContext, autoscaler: VerticalPodAutoscaler, pods: readonly Pod[]): Promise<Known> {
  const containers = new Map<string, ContainerUse>();
  const names = [...(autoscaler.status?.recommendation?.containerRecommendations ?? []).map(({ containerName }) => containerName), ...pods.flatMap(({ spec }) => (spec.containers ?? []).map(({ name }) => name))];
  for (const name of new Set(names)) {
    const kept = await client.kind(VerticalPodAutoscalerCheckpoint).find({ namespace: autoscaler.metadata.namespace, name: checkpointName(autoscaler, name) });
    if (kept === undefined) continue;
    const use = new ContainerUse();
    use.load(kept.spec);
    containers.set(name, use);
  }
  return { uid: autoscaler.metadata.uid ?? '', containers, savedAt: clock.monotonic() };
}

function learn({ containers }: Known, pods: readonly Pod[], { options }: Running): void {
  const active = new Map(pods.filter(isPodActive).map((pod) => [pod.metadata.uid ?? '', pod]));
  for (const source of options.usage()) for (const usage of source.pods()) learnFrom(usage, active.get(usage.uid), containers);
  const alive = new Set(active.keys());
  for (const use of containers.values()) use.keep(alive);
  if (active.size === 0) return;
  // A template may name its containers anew: what none of the pods has any more is not recommended, nor kept, for ever.
  const named = new Set([...active.values()].flatMap(({ spec }) => [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(({ name }) => name)));
  for (const name of containers.keys()) if (!named.has(name)) containers.delete(name);
}

function learnFrom(usage: PodUsage, pod: Pod | undefined, containers: Map<string, ContainerUse>): void {
  if (pod === undefined) return;
  for (const { name, cpuMillis, memoryBytes } of usage.containers) {
    let use = containers.get(name);
    if (use === undefined) containers.set(name, (use = new ContainerUse()));
    const request = pod.spec.containers?.find((container) => container.name === name)?.resources?.requests?.['cpu'];
    use.add({ pod: usage.uid, at: usage.timestamp, cpuMillis, memoryBytes, requestMillis: request === undefined ? 0 : milliValue(request) });
  }
}

function recommendations({ spec }: VerticalPodAutoscaler, { containers }: Known, options: RecommendOptions): ContainerRecommendation[] {
  const policies = spec.resourcePolicy.containerPolicies;
  const names = [...containers.keys()].sort();
  return names.flatMap((name) => recommend(name, containers.get(name) as ContainerUse, policyOf(policies, name), names.length, options) ?? []);
}

/** Writes what changed enough to be worth it; answers the autoscaler as it then is. */
async function write(context: ReconcileContext, autoscaler: VerticalPodAutoscaler, next: ContainerRecommendation[] | undefined, config: VerticalCondition): Promise<VerticalPodAutoscaler> {
  const { status = {} } = autoscaler;
  const before = status.recommendation?.containerRecommendations ?? [];
  const isNew = next !== undefined && next.length > 0 && differs(before, next);
  const recommendation = isNew ? { containerRecommendations: next } : status.recommendation;
  const provided: VerticalCondition =
    recommendation === undefined ? { type: 'RecommendationProvided', status: 'False', reason: 'NoSamples', message: 'no use was seen yet' } : { type: 'RecommendationProvided', status: 'True', reason: 'Recommended', message: '' };
  const conditions = [config, provided].map((condition) => withTime(condition, status.conditions ?? [], timeOfMillis(context.clock.now())));
  const changed = { ...autoscaler, status: { ...(recommendation && { recommendation }), conditions } };
  if (equalJson(changed.status, autoscaler.status)) return autoscaler;
  try {
    return await context.client.kind(VerticalPodAutoscaler).updateStatus(changed);
  } catch (error) {
    if (ApiError.is(error, 'NotFound')) return autoscaler;
    throw error;
  }
}

function withTime(condition: VerticalCondition, before: readonly VerticalCondition[], now: string): VerticalCondition {
  const same = before.find(({ type, status }) => type === condition.type && status === condition.status);
  return { ...condition, lastTransitionTime: same?.lastTransitionTime ?? now };
}

/**
 * As Kubernetes' vertical autoscaler names them, where no other autoscaler's can be named so: joined by a dash, that of `a` and `b-c` would be that of `a-b` and `c`.
 * Those, and what is too long for a name, are told apart by a hash.
 */
function checkpointName({ metadata: { name = '' } }: VerticalPodAutoscaler, container: string): string {
  const joined = `${name}-${container}`;
  return container.includes('-') || joined.length > 253 ? `checkpoint-${fnv64a(`${name}/${container}`).toString(16)}` : joined;
}

async function save({ client, clock }: ReconcileContext, autoscaler: VerticalPodAutoscaler, entry: Known): Promise<void> {
  entry.savedAt = clock.monotonic();
  const checkpoints = client.kind(VerticalPodAutoscalerCheckpoint);
  const { name = '', namespace } = autoscaler.metadata;
  for (const [container, use] of entry.containers) {
    const metadata = { namespace, name: checkpointName(autoscaler, container), ownerReferences: [controllerRefOf(autoscaler)] };
    const spec = use.save(name, container);
    const kept = await checkpoints.find({ namespace, name: metadata.name });
    if (kept === undefined) await checkpoints.create({ apiVersion: 'autoscaling.k8s.io/v1', kind: 'VerticalPodAutoscalerCheckpoint', metadata, spec });
    else if (!equalJson(kept.spec, spec)) await checkpoints.update({ ...kept, spec });
  }
}

async function evictOne({ client, events }: ReconcileContext, view: EvictionView): Promise<void> {
  const pod = planEviction(view);
  if (pod === undefined) return;
  const { namespace, name = '', uid = '' } = pod.metadata;
  try {
    await client.evict({ namespace, name, uid });
  } catch (error) {
    // Its disruption budget says not now, or it is another or gone: the next look will tell.
    if (ApiError.is(error, 'TooManyRequests') || ApiError.is(error, 'NotFound') || ApiError.is(error, 'Conflict')) return;
    throw error;
  }
  events.event(pod, 'Normal', 'EvictedByVPA', `Pod was evicted by VerticalPodAutoscaler ${view.autoscaler.metadata.name} so that its requests can be changed`);
}
