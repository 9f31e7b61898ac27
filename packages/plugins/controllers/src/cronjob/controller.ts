import {
  ApiError,
  type Controller,
  controllerOf,
  CronJob,
  type CronJobStatus,
  equalJson,
  errorMessage,
  Job,
  keyOf,
  type Lister,
  millisOfTime,
  type ObjectKey,
  type ReconcileContext,
  type ReconcileResult,
  watching,
} from '@orrery/core';
import { goneIsFine } from '../shared/claim.js';
import { finishedCondition } from '../shared/jobs.js';
import { ownerKeys } from '../shared/keys.js';
import { type Failure, isNamespaceEnding } from '../shared/pod-control.js';
import { byController, CONTROLLER_INDEX } from '../shared/pods.js';
import { type ActiveJob, type CronEvent, type CronPlan, planCronJob, referenceTo, statusOf } from './plan.js';

const SELF = { group: 'batch', kind: 'CronJob' } as const;
const INDEXES = { [CONTROLLER_INDEX]: byController };
/** CronJobs adopt nothing. */
const NOBODY = { list: () => [], selector: (): never => { throw new RangeError('CronJobs have no selector'); } };

interface Caches {
  readonly cronJobs: Lister<CronJob>;
  readonly jobs: Lister<Job>;
  readonly memory: Map<ObjectKey, Memory>;
}

/** What is remembered of a CronJob. */
interface Memory {
  readonly uid: string;
  /** What was told in the last pass and still holds. */
  readonly told: ReadonlySet<string>;
  /** The schedule that was followed. */
  readonly schedule: string;
  /** When it took the place of another, in milliseconds since the epoch: what it would have done before then is not made up for. */
  readonly since: number | undefined;
}

/** Options of the CronJob controller. */
export interface CronJobControllerOptions {
  /** CronJobs worked on at the same time; default 5, as in kube-controller-manager. */
  readonly workers?: number;
}

/** Makes Jobs at the times of a schedule, each time once at most. */
export function cronJobController(options: CronJobControllerOptions = {}): Controller {
  return {
    name: 'cronjob-controller',
    workers: options.workers ?? 5,
    start: (setup) => {
      const caches: Caches = { cronJobs: setup.informer(CronJob).lister, jobs: setup.informer(Job, { indexes: INDEXES }).lister, memory: new Map() };
      return {
        watches: [
          watching({ kind: CronJob, keys: (cronJob) => [keyOf(cronJob)] }),
          watching({ kind: Job, informer: { indexes: INDEXES }, keys: (job, old, deleted) => (deleted || isNews(job, old) ? ownerKeys(SELF, job, old, deleted, NOBODY) : []) }),
        ],
        reconcile: (key, context) => reconcile(key, context, caches),
      };
    },
  };
}

/** Of all that happens to a Job its CronJob wants to know when it begins and ends, and whose it is. */
function isNews(job: Job, old: Job | undefined): boolean {
  if (old === undefined) return controllerOf(job) !== undefined;
  return (finishedCondition(job) === undefined) !== (finishedCondition(old) === undefined) || controllerOf(job)?.uid !== controllerOf(old)?.uid;
}

async function reconcile(key: ObjectKey, context: ReconcileContext, caches: Caches): Promise<ReconcileResult> {
  const cronJob = caches.cronJobs.get(key);
  if (cronJob === undefined) {
    caches.memory.delete(key);
    return;
  }
  const { client, clock } = context;
  const memory = memoryOf(cronJob, caches.memory.get(key), clock.now());
  const jobs = caches.jobs.byIndex(CONTROLLER_INDEX, cronJob.metadata.uid ?? '');
  const plan = planCronJob({ cronJob, jobs, gone: await goneOf(context, cronJob, jobs), now: clock.now(), since: memory.since });
  const deleted = new Set<string>();
  let unforgotten: Failure | undefined;
  for (const { metadata } of plan.forget) {
    const failed = await deleteJob(context, cronJob, metadata);
    if (failed === undefined) deleted.add(metadata.uid ?? '');
    else unforgotten ??= failed;
  }
  if (plan.make !== undefined && !caches.memory.has(key)) await checkCurrent(context, cronJob);
  const { made, failure } = await replaceAndMake(context, cronJob, plan, deleted);
  const status = statusAfter(plan, deleted, made);
  if (!equalJson(status, cronJob.status ?? {})) await goneIsFine(client.kind(CronJob).updateStatus({ ...cronJob, status }));
  caches.memory.set(key, { ...memory, told: tell(context, cronJob, plan.events, memory.told) });
  const failed = failure ?? unforgotten;
  if (failed !== undefined) throw failed.error;
  return plan.againAfterMs === undefined ? undefined : { againAfterMs: plan.againAfterMs };
}

/** Before its first Job a process makes sure that it knows of those that others made: its own it has seen. Throws Conflict when the cache is behind. */
async function checkCurrent({ client }: ReconcileContext, { metadata }: CronJob): Promise<void> {
  const { namespace, name = '', resourceVersion } = metadata;
  const found = await client.kind(CronJob).find({ namespace, name });
  if (found?.metadata.resourceVersion !== resourceVersion) throw ApiError.conflict(CronJob, name, 'the cache is behind; nothing is started from an old state');
}

/** Which of the Jobs that should be running are not there any more. The cache may be behind, so the server is asked. */
async function goneOf({ client }: ReconcileContext, { status }: CronJob, jobs: readonly Job[]): Promise<ReadonlySet<string>> {
  const gone = new Set<string>();
  const known = new Set(jobs.map(({ metadata }) => metadata.uid));
  for (const { namespace, name = '', uid = '' } of status?.active ?? []) {
    if (known.has(uid)) continue;
    const found = await client.kind(Job).find({ namespace, name });
    if (found?.metadata.uid !== uid) gone.add(uid);
  }
  return gone;
}

interface Outcome {
  readonly made?: Job;
  readonly failure?: Failure;
}

async function replaceAndMake(context: ReconcileContext, cronJob: CronJob, { replace, make }: CronPlan, deleted: Set<string>): Promise<Outcome> {
  if (make === undefined) return {};
  for (const job of replace) {
    if (deleted.has(job.uid ?? '')) continue;
    const failure = await deleteJob(context, cronJob, job);
    if (failure !== undefined) return { failure };
    deleted.add(job.uid ?? '');
  }
  const { client, events } = context;
  const { namespace, name = '' } = make.job.metadata;
  try {
    const made = await client.kind(Job).create(make.job);
    events.event(cronJob, 'Normal', 'SuccessfulCreate', `Created job ${name}`);
    return { made };
  } catch (error) {
    if (!ApiError.is(error, 'AlreadyExists')) {
      if (!isNamespaceEnding(error)) events.event(cronJob, 'Warning', 'FailedCreate', `Error creating job: ${errorMessage(error)}`);
      return { failure: { error } };
    }
    // Made before, and not written down; or it is somebody else's, who then has the name.
    const found = await client.kind(Job).find({ namespace, name });
    // Gone in between: now there is room for the name.
    if (found === undefined) return { failure: { error } };
    return controllerOf(found)?.uid === cronJob.metadata.uid ? { made: found } : {};
  }
}

/** With its pods. Answers what went wrong; nothing when it is gone, or on its way. */
async function deleteJob({ client, events }: ReconcileContext, cronJob: CronJob, { namespace, name = '', uid = '' }: Pick<ActiveJob, 'namespace' | 'name' | 'uid'>): Promise<Failure | undefined> {
  const verbs = client.kind(Job);
  try {
    await verbs.delete({ namespace, name }, { preconditions: { uid }, propagationPolicy: 'Background' });
  } catch (error) {
    if (ApiError.is(error, 'NotFound')) return undefined;
    // Another Job may have its name by now; else it is only to be tried again.
    if (ApiError.is(error, 'Conflict')) return (await verbs.find({ namespace, name }))?.metadata.uid === uid ? { error } : undefined;
    events.event(cronJob, 'Warning', 'FailedDelete', `Deleted job: ${errorMessage(error)}`);
    return { error };
  }
  events.event(cronJob, 'Normal', 'SuccessfulDelete', `Deleted job ${name}`);
  return undefined;
}

function statusAfter({ status, make }: CronPlan, deleted: ReadonlySet<string>, made: Job | undefined): CronJobStatus {
  const active = (status.active ?? []).filter(({ uid = '' }) => !deleted.has(uid));
  if (made === undefined || make === undefined) return active.length === (status.active ?? []).length ? status : statusOf(active, millisOf(status), status.lastSuccessfulTime);
  const isKnown = active.some(({ uid }) => uid === made.metadata.uid) || finishedCondition(made) !== undefined;
  return statusOf(isKnown ? active : [...active, referenceTo(made)], make.time, status.lastSuccessfulTime);
}

const millisOf = ({ lastScheduleTime }: CronJobStatus): number | undefined => (lastScheduleTime === undefined ? undefined : millisOfTime(lastScheduleTime));

/** Tells what has not been told, and answers what holds for longer than this pass. */
function tell({ events }: ReconcileContext, cronJob: CronJob, news: readonly CronEvent[], told: ReadonlySet<string>): ReadonlySet<string> {
  for (const { type, reason, message, once } of news) if (once === undefined || !told.has(once)) events.event(cronJob, type, reason, message);
  return new Set(news.flatMap(({ once }) => (once === undefined ? [] : [once])));
}

function memoryOf({ metadata, spec }: CronJob, known: Memory | undefined, now: number): Memory {
  const { uid = '' } = metadata;
  const schedule = `${spec.timeZone ?? ''} ${spec.schedule}`;
  if (known?.uid !== uid) return { uid, told: new Set(), schedule, since: undefined };
  return known.schedule === schedule ? known : { ...known, schedule, since: now };
}
