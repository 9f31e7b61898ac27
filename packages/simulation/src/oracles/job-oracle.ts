import type { Job, Pod } from '@orrery/core';
import { parseIndexes } from '@orrery/controllers';
import type { ObservedCommit } from '@orrery/core/testing';
import { type Change, changesOf, type Judging, ownedBy, type Promised, under } from './promise.js';

const [PODS, JOBS] = [under('core/pods'), under('batch/jobs')];
const TRACKING = 'batch.kubernetes.io/job-tracking';
const INDEX = 'batch.kubernetes.io/job-completion-index';

/** All that ever became of a pod of a Job. `succeeded` and `failed`: it was seen so while it was to be counted. `told`: it was to end while it was to be counted. */
interface PodRecord {
  readonly index: number | undefined;
  there: boolean;
  active: boolean;
  ended: boolean;
  succeeded: boolean;
  failed: boolean;
  told: boolean;
}

/** How a Job oracle judges. */
export interface JobOracleOptions {
  /**
   * Outcomes of writes are always known: then no pod is made for an index that has one, and never more succeed than are wanted.
   * Who does not hear that a pod was made has to make another.
   */
  readonly orderly: boolean;
}

/** Holds Jobs to their counting: each end of a pod counts once, no index is worked on twice, what was counted stays counted, and an end stays the end. */
export class JobOracle implements Promised {
  /** By uid of the Job, and then of the pod. */
  readonly #pods = new Map<string, Map<string, PodRecord>>();
  readonly #jobs = new Map<string, Job>();

  constructor(
    private readonly judging: Judging,
    private readonly options: JobOracleOptions,
  ) {}

  committed(commit: ObservedCommit): void {
    for (const change of changesOf<Pod>(commit, PODS, this.judging)) this.#pod(change);
    for (const change of changesOf<Job>(commit, JOBS, this.judging)) this.#job(change);
  }

  #pod({ old, next }: Change<Pod>): void {
    const job = ownedBy('Job', next ?? old);
    const pod = next ?? old;
    if (job === undefined || pod === undefined) return;
    const { metadata, status } = pod;
    const pods = this.#pods.get(job) ?? new Map<string, PodRecord>();
    this.#pods.set(job, pods);
    const index = metadata.annotations?.[INDEX];
    const known = pods.get(metadata.uid ?? '');
    const record: PodRecord = known ?? { index: index === undefined ? undefined : Number(index), there: true, active: true, ended: false, succeeded: false, failed: false, told: false };
    pods.set(metadata.uid ?? '', record);
    const ended = status?.phase === 'Succeeded' || status?.phase === 'Failed';
    record.there = next !== undefined;
    record.ended ||= ended;
    record.active = next !== undefined && !ended && metadata.deletionTimestamp === undefined;
    if (next !== undefined && metadata.finalizers?.includes(TRACKING) === true) {
      record.succeeded ||= status?.phase === 'Succeeded';
      record.failed ||= status?.phase === 'Failed';
      record.told ||= metadata.deletionTimestamp !== undefined;
    }
    if (known === undefined) this.#made(job, pod, record, [...pods.values()]);
  }

  #made(uid: string, { metadata }: Pod, record: PodRecord, all: readonly PodRecord[]): void {
    const job = this.#jobs.get(uid);
    if (job === undefined || !this.options.orderly) return;
    const name = `job ${job.metadata.name}: pod ${metadata.name}`;
    const others = all.filter((other) => other !== record);
    if (record.index !== undefined) {
      const same = others.filter(({ index }) => index === record.index);
      if (same.some(({ active }) => active)) this.judging.violated(`${name} was made for index ${record.index}, which has an active one`);
      if (waitsForEnds(job) && same.some(({ there, ended }) => there && !ended)) this.judging.violated(`${name} was made for index ${record.index} before the last one had ended`);
      if (job.spec.completionMode === 'Indexed' && record.index >= (job.spec.completions ?? 0)) this.judging.violated(`${name} was made for index ${record.index} of ${job.spec.completions}`);
    }
    const active = all.filter((one) => one.active).length;
    if (active > (job.spec.parallelism ?? 1)) this.judging.violated(`${name} is active beside ${active - 1} others; parallelism is ${job.spec.parallelism}`);
  }

  #job({ old, next }: Change<Job>): void {
    if (next === undefined) {
      this.#jobs.delete(old?.metadata.uid ?? '');
      return;
    }
    this.#jobs.set(next.metadata.uid ?? '', next);
    const name = `job ${next.metadata.name}`;
    const pods = [...(this.#pods.get(next.metadata.uid ?? '')?.values() ?? [])];
    const status = next.status ?? {};
    const counts = { succeeded: status.succeeded ?? 0, failed: status.failed ?? 0 };
    const succeeded = pods.filter((pod) => pod.succeeded);
    const ends = pods.filter((pod) => pod.succeeded || pod.failed || pod.told).length;
    const say = (what: string): void => this.judging.violated(`${name} ${what}`);
    if (next.spec.completionMode === 'Indexed') {
      const indexes = new Set(succeeded.map(({ index }) => index));
      const told = parseIndexes(status.completedIndexes ?? '', next.spec.completions ?? 0).flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i));
      for (const index of told) if (!indexes.has(index)) say(`tells that index ${index} succeeded, and no pod of it did`);
      if (told.length !== counts.succeeded) say(`tells ${counts.succeeded} successes and the indexes ${status.completedIndexes}`);
    } else if (counts.succeeded > succeeded.length) say(`counts ${counts.succeeded} successes of ${succeeded.length}`);
    if (counts.failed > pods.filter((pod) => pod.failed || pod.told).length) say(`counts ${counts.failed} failures of ${ends - succeeded.length}`);
    if (next.spec.completionMode !== 'Indexed' && counts.succeeded + counts.failed > ends) say(`counts ${counts.succeeded} successes and ${counts.failed} failures of ${ends} ends`);
    const enough = next.spec.completions;
    if (enough !== undefined && counts.succeeded > enough && (this.options.orderly || next.spec.completionMode === 'Indexed')) say(`counts ${counts.succeeded} successes and wanted ${enough}`);
    if (old !== undefined && old.metadata.uid === next.metadata.uid) this.#compare(old, next, pods, say);
  }

  #compare(old: Job, next: Job, pods: readonly PodRecord[], say: (what: string) => void): void {
    const [before, after] = [old.status ?? {}, next.status ?? {}];
    for (const what of ['succeeded', 'failed'] as const) if ((after[what] ?? 0) < (before[what] ?? 0)) say(`had ${before[what]} ${what} and then ${after[what] ?? 0}`);
    const [was, is] = [endOf(old), endOf(next)];
    if (was !== undefined && is !== was) say(`was ${was} and then ${is ?? 'not'}`);
    if (was !== undefined || is === undefined) return;
    // Those that were to end may have been counted as failed before they succeeded.
    const certain = pods.filter(({ succeeded, told }) => succeeded && !told).length;
    if (next.spec.completionMode !== 'Indexed' && (after.succeeded ?? 0) < certain) say(`is ${is} and counts ${after.succeeded ?? 0} successes of ${certain}`);
    this.#checkFailures(next, pods.filter(({ failed, told }) => failed && !told).length, say);
    const uncounted = after.uncountedTerminatedPods ?? {};
    if ((uncounted.succeeded ?? []).length + (uncounted.failed ?? []).length > 0) say(`is ${is} with ends that are not counted`);
  }

  /** No failure is lost, and none is followed by another try beyond the limit: at most as many as run at the same time come on top of it. */
  #checkFailures({ spec, status }: Job, failed: number, say: (what: string) => void): void {
    if (!this.options.orderly || spec.podFailurePolicy !== undefined) return;
    if ((status?.failed ?? 0) < failed) say(`has ended and counts ${status?.failed ?? 0} failures of ${failed}`);
    if (spec.backoffLimitPerIndex !== undefined || spec.template.spec.restartPolicy !== 'Never') return;
    const most = (spec.backoffLimit ?? 6) + (spec.parallelism ?? 1);
    if (failed > most) say(`failed ${failed} times, beyond ${spec.backoffLimit} and the ${spec.parallelism} at the same time`);
  }
}

const waitsForEnds = ({ spec }: Job): boolean => spec.podReplacementPolicy === 'Failed' || spec.podFailurePolicy !== undefined;

/** How a Job ended: Complete or Failed. */
export const endOf = ({ status }: Job): string | undefined => status?.conditions?.find(({ type, status: is }) => is === 'True' && (type === 'Complete' || type === 'Failed'))?.type;
