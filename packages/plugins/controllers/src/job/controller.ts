import {
  type Client,
  type Controller,
  controllerOf,
  equalJson,
  type Informer,
  Job,
  type JobStatus,
  keyOf,
  type Lister,
  type ObjectKey,
  Pod,
  type ReconcileContext,
  type ReconcileResult,
  watching,
} from '@orrery/core';
import { claim, goneIsFine, planClaim } from '../shared/claim.js';
import { finishedCondition } from '../shared/jobs.js';
import { ownerKeys } from '../shared/keys.js';
import { createPods, deletePods, type Failure } from '../shared/pod-control.js';
import { isPodTerminal, orphansOf } from '../shared/pods.js';
import { selectorOf } from '../shared/selection.js';
import { type Backoff, noBackoff } from './backoff.js';
import { isSafeToCount, type Knowledge, knowsCounted, MAX_UNCOUNTED } from './counting.js';
import { isManagedElsewhere } from './managed-by.js';
import { type JobView, planJob, type PodStep } from './plan.js';
import { isTracked, TRACKING_FINALIZER } from './pod-facts.js';
import { planStatus } from './status.js';

const SELF = { group: 'batch', kind: 'Job' } as const;

/** Pods from which a Job counts as large; a look at it costs as much as it has pods that are not counted yet. */
const LARGE = 500;
/** A large Job is looked at once in so many milliseconds a pod, so that ends of pods are counted in batches (Kubernetes: once a second). */
const PAUSE_PER_POD_MS = 0.05;

/** A Job whose pods are refused, by a quota for instance, is tried again after a minute at the latest (MaxJobApiBackOff). */
const LONGEST_TRY_MS = 60_000;

/** The name under which {@link byJob} is registered with informers. */
export const JOB_INDEX = 'controllers.job';

/**
 * Index function: pods that still matter to their Job, by its uid. Those that ended and are counted do not, so that a look at a Job
 * costs what runs and not what ever ran. Pods without a controller are filed by namespace, and by the uid of the Job that would adopt them.
 */
export function byJob(pod: Pod): readonly string[] {
  const owner = controllerOf(pod);
  if (owner !== undefined) return owner.kind === 'Job' && (isTracked(pod) || !isPodTerminal(pod)) ? [owner.uid] : [];
  const uid = pod.metadata.labels?.['batch.kubernetes.io/controller-uid'];
  return [orphansOf(pod.metadata.namespace ?? ''), ...(uid === undefined ? [] : [orphansOfJob(uid)])];
}

const orphansOfJob = (uid: string): string => `orphan-of/${uid}`;

interface Caches {
  readonly jobs: Lister<Job>;
  readonly pods: Informer<Pod>;
  readonly memory: Map<ObjectKey, Memory>;
}

/** What is remembered of a Job while it runs. */
interface Memory {
  readonly uid: string;
  readonly backoff: Backoff;
  /** As this controller wrote it last, knowing what is counted. */
  readonly status: JobStatus | undefined;
  /** The monotonic time before which a large Job need not be looked at again for its pods' sake, and the generation that was looked at. */
  readonly pausedUntil: number;
  readonly generation: number;
}

/** Options of the Job controller. */
export interface JobControllerOptions {
  /** Jobs worked on at the same time; default 5, as in kube-controller-manager. */
  readonly workers?: number;
}

/** Runs the pods of Jobs until enough of them succeeded, and counts each exactly once. */
export function jobController(options: JobControllerOptions = {}): Controller {
  return {
    name: 'job-controller',
    workers: options.workers ?? 5,
    backoff: { baseMs: 5, maxMs: LONGEST_TRY_MS },
    start: (setup) => {
      const indexes = { [JOB_INDEX]: byJob };
      const jobs = setup.informer(Job);
      const caches: Caches = { jobs: jobs.lister, pods: setup.informer(Pod, { indexes }), memory: new Map() };
      const owners = { list: (namespace: string) => jobs.lister.list(namespace), selector: selectorOfJob };
      return {
        watches: [
          watching({ kind: Job, keys: (job) => [keyOf(job)] }),
          watching({ kind: Pod, informer: { indexes }, keys: (pod, old, deleted) => ownerKeys(SELF, pod, old, deleted, owners) }),
        ],
        reconcile: (key, context) => reconcile(key, context, caches),
      };
    },
  };
}

const selectorOfJob = (job: Job) => selectorOf(job as Job & { readonly spec: { readonly selector: Job['spec']['selector'] } });

async function reconcile(key: ObjectKey, context: ReconcileContext, caches: Caches): Promise<ReconcileResult> {
  const { clock, events } = context;
  const job = caches.jobs.get(key);
  if (job === undefined || isManagedElsewhere(job) || finishedCondition(job) !== undefined) {
    caches.memory.delete(key);
    return;
  }
  const memory = memoryOf(job, caches.memory.get(key));
  const { completionMode } = job.spec;
  if (completionMode !== undefined && completionMode !== 'NonIndexed' && completionMode !== 'Indexed') {
    events.event(job, 'Warning', 'UnknownCompletionMode', 'Skipped Job sync because completion mode is unknown');
    return;
  }
  const pause = memory.pausedUntil - clock.monotonic();
  if (pause > 0 && memory.generation === job.metadata.generation) return { againAfterMs: pause };

  const pods = await ownPods(context, job, caches.pods.lister);
  const view: JobView = { job, pods, backoff: memory.backoff, now: clock.now() };
  const plan = planJob(view);
  const knowledge: Knowledge = { podsRevision: caches.pods.health().revision, ownStatus: memory.status };
  if (!isSafeToCount(job, plan, knowledge)) {
    await caches.pods.observed(Number(job.metadata.resourceVersion), context.signal);
    return { againAfterMs: 1 };
  }
  const failure = await carryOut(context, job, plan.step);
  const { status, release, events: news } = planStatus(view, plan, failure === undefined);
  let written = memory.status;
  if (!equalJson(status, job.status ?? {})) written = await writeStatus(context.client, job, status);
  if (written !== undefined) for (const { type, reason, message } of news) events.event(job, type, reason, message);
  // While there is more to do than fits into one pass, the next one waits for nothing.
  const large = pods.length >= LARGE && plan.step.do === 'nothing' && release.length < MAX_UNCOUNTED;
  caches.memory.set(key, {
    uid: memory.uid,
    backoff: plan.backoff,
    status: knowsCounted(job, knowledge) ? written : undefined,
    pausedUntil: large ? clock.monotonic() + pods.length * PAUSE_PER_POD_MS : 0,
    generation: job.metadata.generation ?? 0,
  });
  // What is counted is let go, whatever became of other pods.
  const unreleased = await releasePods(context.client, release);
  const failed = failure ?? unreleased;
  if (failed !== undefined) throw failed.error;
  return plan.againAfterMs === undefined ? undefined : { againAfterMs: plan.againAfterMs };
}

/** A Job of the same name is another Job. */
function memoryOf({ metadata }: Job, known: Memory | undefined): Memory {
  const { uid = '' } = metadata;
  return known?.uid === uid ? known : { uid, backoff: noBackoff, status: undefined, pausedUntil: 0, generation: -1 };
}

async function ownPods({ client }: ReconcileContext, job: Job, pods: Lister<Pod>): Promise<readonly Pod[]> {
  const { namespace = '', uid = '' } = job.metadata;
  // Only who chose a selector of one's own can mean pods that were there before.
  const orphans = pods.byIndex(JOB_INDEX, job.spec.manualSelector === true ? orphansOf(namespace) : orphansOfJob(uid));
  const plan = planClaim(job, selectorOfJob(job), [...pods.byIndex(JOB_INDEX, uid), ...orphans]);
  return claim(client, { owner: Job, object: Pod, finalizers: [TRACKING_FINALIZER] }, job, plan);
}

async function carryOut(context: ReconcileContext, job: Job, step: PodStep): Promise<Failure | undefined> {
  if (step.do === 'nothing') return undefined;
  if (step.do === 'make') return createPods(context, job, step.pods);
  // Pods that are dropped do not count, and so must not be seen ending while they are tracked; one that ended meanwhile counts.
  if (step.do === 'drop') {
    const failed = await releasePods(context.client, step.pods, true);
    if (failed !== undefined) return failed;
  }
  return deletePods(context, job, step.pods);
}

/** Takes the finalizer off pods, all at once; `unchanged`: only off those that are as they were seen. Answers the first failure. */
async function releasePods(client: Client, pods: readonly Pod[], unchanged = false): Promise<Failure | undefined> {
  const verbs = client.kind(Pod);
  const outcomes = await Promise.allSettled(
    pods.map(({ metadata: { namespace, name = '', uid, resourceVersion } }) => {
      const metadata = { uid, ...(unchanged && { resourceVersion }), '$deleteFromPrimitiveList/finalizers': [TRACKING_FINALIZER] };
      return goneIsFine(verbs.patch({ namespace, name }, 'strategic', { metadata }));
    }),
  );
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  return failed && { error: failed.reason };
}

/** What was written; undefined when the Job is gone: then there is nobody left to tell. */
async function writeStatus(client: Client, job: Job, status: JobStatus): Promise<JobStatus | undefined> {
  const written = await goneIsFine(client.kind(Job).updateStatus({ ...job, status }));
  return written?.status;
}
