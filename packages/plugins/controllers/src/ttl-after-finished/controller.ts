import { type Controller, Job, keyOf, type Lister, type ObjectKey, type ReconcileContext, type ReconcileResult, watching } from '@orrery/core';
import { goneIsFine } from '../shared/claim.js';
import { untilExpiry } from './expiry.js';

/** Options of the controller that removes finished Jobs. */
export interface TtlAfterFinishedOptions {
  /** Jobs worked on at the same time; default 5, as in kube-controller-manager. */
  readonly workers?: number;
}

/** Removes Jobs, and their pods, `spec.ttlSecondsAfterFinished` after they finished. */
export function ttlAfterFinishedController(options: TtlAfterFinishedOptions = {}): Controller {
  return {
    name: 'ttl-after-finished',
    workers: options.workers ?? 5,
    start: (setup) => {
      const { lister } = setup.informer(Job);
      const { clock } = setup;
      return {
        watches: [watching({ kind: Job, keys: (job, _old, deleted) => (!deleted && untilExpiry(job, clock.now()) !== undefined ? [keyOf(job)] : []) })],
        reconcile: (key, context) => reconcile(key, context, lister),
      };
    },
  };
}

async function reconcile(key: ObjectKey, { client, clock }: ReconcileContext, jobs: Lister<Job>): Promise<ReconcileResult> {
  const job = jobs.get(key);
  const left = job && untilExpiry(job, clock.now());
  if (job === undefined || left === undefined) return;
  if (left > 0) return { againAfterMs: left };
  const { namespace, name = '', uid = '' } = job.metadata;
  const verbs = client.kind(Job);
  // A user may have given it more time, and what is gone does not come back: the server's word counts.
  const fresh = await verbs.find({ namespace, name });
  const freshLeft = fresh?.metadata.uid === uid ? untilExpiry(fresh, clock.now()) : undefined;
  if (freshLeft === undefined) return;
  // The clock may have been set back meanwhile.
  if (freshLeft > 0) return { againAfterMs: freshLeft };
  await goneIsFine(verbs.delete({ namespace, name }, { preconditions: { uid }, propagationPolicy: 'Foreground' }));
}
