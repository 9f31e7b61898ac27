import { type Job, type JobStatus, type Pod, timeOfMillis } from '@orrery/core';
import { noBackoff } from '../job/backoff.js';
import { isSafeToCount, knowsCounted } from '../job/counting.js';
import { planJob } from '../job/plan.js';
import { isTracked } from '../job/pod-facts.js';
import { planStatus } from '../job/status.js';
import { finishedCondition } from '../shared/jobs.js';
import type { Chance } from './course.js';

interface State {
  readonly revision: number;
  readonly job: Job;
  readonly pods: ReadonlyMap<string, Pod>;
}

/** A controller: what its caches show and what it remembers. It is replaced when it restarts. */
interface Mind {
  /** Revisions up to which its caches have heard. */
  jobs: number;
  pods: number;
  /** As it wrote it last itself, knowing what is counted. */
  status: JobStatus | undefined;
  backoff: typeof noBackoff;
}

/** What may go wrong in a pass. */
export interface Trouble {
  /** After so many steps the process dies; undefined: it does not. */
  readonly diesAfter?: number | undefined;
}

/**
 * One Job and its pods as a server keeps them, and the Job controller's plans carried out on caches that lag behind, by processes that die between any two steps.
 * Small enough to be seen through: no clock but a counter, no network.
 */
export class JobModel {
  now = Date.parse('2026-01-01T00:00:00Z');
  /** Pods that ended well while they were tracked, by uid. */
  readonly succeeded = new Set<string>();
  /** Pods that failed, or were deleted before they ended, while they were tracked. */
  readonly failed = new Set<string>();
  /**
   * Those of `succeeded` that were let go because the Job was over, before anybody had seen how they ended: they are not counted, as in Kubernetes,
   * unless a process with an old list of pods sees them once more.
   */
  readonly unseen = new Set<string>();
  mostActive = 0;
  /** Every uid that a status of the Job ever told among its ends: those are counted, whatever another process sees of them. */
  readonly #told = new Set<string>();
  readonly #history: State[] = [];
  #mind: Mind = { jobs: 0, pods: 0, status: undefined, backoff: noBackoff };
  #serial = 0;

  constructor(
    job: Job,
    readonly chance: Chance,
  ) {
    this.#history.push({ revision: 0, job: { ...job, metadata: { ...job.metadata, resourceVersion: '0' } }, pods: new Map() });
  }

  get state(): State {
    return this.#history.at(-1) as State;
  }

  get job(): Job {
    return this.state.job;
  }

  get finished(): boolean {
    return finishedCondition(this.job) !== undefined;
  }

  get active(): readonly Pod[] {
    return [...this.state.pods.values()].filter(({ metadata, status }) => metadata.deletionTimestamp === undefined && !isOver(status?.phase));
  }

  /** A new process whose caches begin at revisions of their own: lists are taken one after the other, and from servers that lag. */
  restart(stale: boolean): void {
    const { revision } = this.state;
    // A little behind is what does harm: who is far behind only meets conflicts.
    const from = (lag: number): number => (stale ? Math.max(0, revision - this.chance(lag)) : revision);
    this.#mind = { jobs: from(2), pods: from(8), status: undefined, backoff: noBackoff };
  }

  /** Caches hear more, each as much as chance has it. */
  hear(): void {
    const mind = this.#mind;
    const more = (at: number): number => at + this.chance(this.state.revision - at + 1);
    mind.jobs = more(mind.jobs);
    mind.pods = more(mind.pods);
  }

  /** Something happens to a pod: it ends well or badly, or a user deletes it. */
  podEvent(): void {
    const running = [...this.state.pods.values()].filter(({ status }) => !isOver(status?.phase));
    const pod = running[this.chance(Math.max(1, running.length))];
    if (pod === undefined) return;
    const what = this.chance(5);
    if (what === 0) this.#delete(pod);
    else this.#end(pod, what < 4 && pod.metadata.deletionTimestamp === undefined ? 'Succeeded' : 'Failed');
  }

  /** One pass of the controller; a wait it asks for is over with it. False: it had nothing to do, and waits for nothing. */
  pass({ diesAfter = Infinity }: Trouble = {}): boolean {
    const mind = this.#mind;
    let steps = 0;
    const dies = (): boolean => (steps += 1) > diesAfter;
    const { job } = this.#at(mind.jobs);
    if (finishedCondition(job) !== undefined) return false;
    const view = { job, pods: [...this.#at(mind.pods).pods.values()].filter((pod) => isTracked(pod) || !isOver(pod.status?.phase)), backoff: mind.backoff, now: this.now };
    const plan = planJob(view);
    const knowledge = { podsRevision: mind.pods, ownStatus: mind.status };
    const knows = knowsCounted(job, knowledge);
    if (!isSafeToCount(job, plan, knowledge)) {
      mind.pods = Math.max(mind.pods, Number(job.metadata.resourceVersion));
      return true;
    }
    if (plan.againAfterMs !== undefined) this.now += plan.againAfterMs;
    const begin = this.state.revision;
    const { step } = plan;
    if (step.do !== 'nothing') {
      for (const pod of step.pods) {
        if (dies()) return true;
        if (step.do === 'make') this.#make(pod);
        else {
          // Only as it was seen: one that ended meanwhile counts.
          if (step.do === 'drop' && this.state.pods.get(pod.metadata.uid ?? '') !== pod) return true;
          if (step.do === 'drop') this.#release(pod);
          this.#delete(pod);
        }
      }
    }
    if (step.do !== 'nothing') mind.pods = this.state.revision;
    if (dies()) return true;
    const { status, release } = planStatus(view, plan, true);
    const writes = JSON.stringify(status) !== JSON.stringify(job.status ?? {});
    if (writes) {
      // A conflict: the cache of Jobs was behind. What was done to pods stays done.
      if (this.job.metadata.resourceVersion !== job.metadata.resourceVersion) return true;
      this.#commit({ job: { ...this.job, status } });
      for (const uid of status.uncountedTerminatedPods?.succeeded ?? []) {
        this.#told.add(uid);
        this.unseen.delete(uid);
      }
      mind.jobs = this.state.revision;
      mind.status = status;
    }
    if (!knows) mind.status = undefined;
    mind.backoff = plan.backoff;
    for (const pod of release) {
      if (dies()) return true;
      const { uid = '' } = pod.metadata;
      if (status.conditions !== undefined && !isOver(pod.status?.phase) && this.succeeded.has(uid) && !this.#told.has(uid)) this.unseen.add(uid);
      this.#release(pod);
    }
    // Before the next pass the caches have shown what this one wrote.
    if (release.length > 0) mind.pods = this.state.revision;
    return this.state.revision !== begin || plan.againAfterMs !== undefined;
  }

  #at(revision: number): State {
    return this.#history[revision] as State;
  }

  #commit(change: { readonly job?: Job; readonly pods?: ReadonlyMap<string, Pod> }): void {
    const revision = this.state.revision + 1;
    const job = change.job === undefined ? this.job : { ...change.job, metadata: { ...change.job.metadata, resourceVersion: String(revision) } };
    this.#history.push({ revision, job, pods: change.pods ?? this.state.pods });
    this.mostActive = Math.max(this.mostActive, this.active.length);
  }

  #put(pod: Pod): void {
    const pods = new Map(this.state.pods);
    // Being deleted, over, and held by nobody: it goes.
    const gone = pod.metadata.deletionTimestamp !== undefined && isOver(pod.status?.phase) && !isTracked(pod);
    if (gone) pods.delete(pod.metadata.uid ?? '');
    else pods.set(pod.metadata.uid ?? '', pod);
    this.#commit({ pods });
  }

  #make(pod: Pod): void {
    const uid = `p${(this.#serial += 1)}`;
    this.#put({ ...pod, metadata: { ...pod.metadata, uid, name: uid, creationTimestamp: timeOfMillis(this.now) }, status: { phase: 'Running' } });
  }

  #end(pod: Pod, phase: 'Succeeded' | 'Failed'): void {
    if (isTracked(pod)) (phase === 'Succeeded' ? this.succeeded : this.failed).add(pod.metadata.uid ?? '');
    const ready = [{ type: 'Ready', status: 'False', lastTransitionTime: timeOfMillis(this.now) }];
    this.#put({ ...pod, status: { ...pod.status, phase, conditions: ready } });
  }

  #release({ metadata: { uid = '' } }: Pod): void {
    const pod = this.state.pods.get(uid);
    if (pod === undefined || !isTracked(pod)) return;
    const { finalizers: _, ...metadata } = pod.metadata;
    this.#put({ ...pod, metadata });
  }

  #delete({ metadata: { uid = '' } }: Pod): void {
    const pod = this.state.pods.get(uid);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return;
    if (isTracked(pod) && !isOver(pod.status?.phase)) this.failed.add(uid);
    this.#put({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: timeOfMillis(this.now) } });
  }
}

const isOver = (phase: string | undefined): boolean => phase === 'Succeeded' || phase === 'Failed';
