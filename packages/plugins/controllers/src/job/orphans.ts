import { type Controller, controllerOf, Job, keyOf, type Lister, type ObjectKey, Pod, type ReconcileContext, watching } from '@orrery/core';
import { goneIsFine } from '../shared/claim.js';
import { finishedCondition } from '../shared/jobs.js';
import { byJob, JOB_INDEX } from './controller.js';
import { isManagedElsewhere } from './managed-by.js';
import { isTracked, TRACKING_FINALIZER } from './pod-facts.js';

interface Caches {
  readonly jobs: Lister<Job>;
  readonly pods: Lister<Pod>;
}

/** Takes the tracking finalizer off pods that nobody will count any more: their Job is gone or finished, or no longer theirs. */
export function jobOrphansController(): Controller {
  return {
    name: 'job-orphans',
    workers: 5,
    start: (setup) => {
      const informer = { indexes: { [JOB_INDEX]: byJob } };
      const caches: Caches = { jobs: setup.informer(Job).lister, pods: setup.informer(Pod, informer).lister };
      return {
        watches: [
          watching({ kind: Pod, informer, keys: (pod, _old, deleted) => (!deleted && isTracked(pod) && !isCounted(pod, caches) ? [keyOf(pod)] : []) }),
          watching({
            kind: Job,
            keys: (job, _old, deleted) => (deleted || finishedCondition(job) !== undefined ? caches.pods.byIndex(JOB_INDEX, job.metadata.uid ?? '').filter(isTracked).map(keyOf) : []),
          }),
        ],
        reconcile: (key, context) => reconcile(key, context, caches),
      };
    },
  };
}

/** Whether the Job of a pod will count it, as far as the cache knows. */
function isCounted(pod: Pod, { jobs }: Caches): boolean {
  const owner = controllerOf(pod);
  if (owner === undefined) return false;
  // Whoever else uses this finalizer takes it off.
  if (owner.kind !== 'Job' || owner.apiVersion !== 'batch/v1') return true;
  const job = jobs.get(`${pod.metadata.namespace ?? ''}/${owner.name}`);
  return job?.metadata.uid === owner.uid && willCount(job);
}

const willCount = (job: Job): boolean => isManagedElsewhere(job) || finishedCondition(job) === undefined;

async function reconcile(key: ObjectKey, { client }: ReconcileContext, caches: Caches): Promise<void> {
  const pod = caches.pods.get(key);
  if (pod === undefined || !isTracked(pod) || isCounted(pod, caches)) return;
  const { namespace, name = '', uid } = pod.metadata;
  const owner = controllerOf(pod);
  // The cache of Jobs may not show a Job yet whose pods are there already.
  const job = owner === undefined ? undefined : await client.kind(Job).find({ namespace, name: owner.name });
  if (job !== undefined && job.metadata.uid === owner?.uid && willCount(job)) return;
  await goneIsFine(client.kind(Pod).patch({ namespace, name }, 'strategic', { metadata: { uid, '$deleteFromPrimitiveList/finalizers': [TRACKING_FINALIZER] } }));
}
