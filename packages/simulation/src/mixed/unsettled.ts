import { type CronJob, type Deployment, type HorizontalPodAutoscaler, type Job, labelMatcher, milliValue, type Pod, type PodDisruptionBudget, type ResourceQuota } from '@orrery/core';
import type { ClusterOracle } from '@orrery/core/testing';
import { unsettledIdentities } from '../identity-workload.js';
import { healthyWanted } from '../oracles/eviction-oracle.js';
import { endOf } from '../oracles/job-oracle.js';
import { ownedBy, under } from '../oracles/promise.js';
import { isCounted, POD_MILLI_CPU } from './recipes.js';
import type { Signals } from './signal.js';

const [PODS, JOBS, CRONS, SCALERS, DEPLOYMENTS, BUDGETS, QUOTAS] = [
  'core/pods', 'batch/jobs', 'batch/cronjobs', 'autoscaling/horizontalpodautoscalers', 'apps/deployments', 'policy/poddisruptionbudgets', 'core/resourcequotas',
].map(under) as [string, string, string, string, string, string, string];

/** What of a mixed workload is not as it is wanted after the finale, beside what every cluster is judged by. */
export function unsettledMix(oracle: ClusterOracle, signals: Signals): string[] {
  const pods = [...oracle.under<Pod>(PODS)];
  const jobs = [...oracle.under<Job>(JOBS)];
  return [
    ...unsettledIdentities(oracle),
    ...jobs.flatMap((job) => jobProblems(job, pods)),
    ...[...oracle.under<CronJob>(CRONS)].flatMap((cronJob) => cronProblems(cronJob, jobs.filter((job) => ownedBy('CronJob', job) === cronJob.metadata.uid))),
    ...[...oracle.under<HorizontalPodAutoscaler>(SCALERS)].flatMap((scaler) => scalerProblems(scaler, oracle, signals)),
    ...[...oracle.under<PodDisruptionBudget>(BUDGETS)].flatMap((budget) => budgetProblems(budget, pods)),
    ...[...oracle.under<ResourceQuota>(QUOTAS)].flatMap((quota) => quotaProblems(quota, pods)),
  ];
}

function jobProblems(job: Job, all: readonly Pod[]): string[] {
  const { metadata, spec, status = {} } = job;
  const name = `job ${metadata.name}`;
  if (metadata.deletionTimestamp !== undefined) return [`${name} is being deleted`];
  const end = endOf(job);
  if (end === undefined) return [`${name} has not ended: ${JSON.stringify(status)}`];
  const problems: string[] = [];
  const pods = all.filter((pod) => ownedBy('Job', pod) === metadata.uid);
  const wanted = spec.completions ?? 1;
  const policy = status.conditions?.some(({ type, reason }) => type === 'SuccessCriteriaMet' && reason === 'SuccessPolicy');
  if (end === 'Complete' && policy !== true && (status.succeeded ?? 0) < wanted) problems.push(`${name} is complete with ${status.succeeded ?? 0} of ${wanted}`);
  if ((status.active ?? 0) + (status.ready ?? 0) + (status.terminating ?? 0) > 0) problems.push(`${name} has ended and says ${JSON.stringify(status)}`);
  for (const { metadata: pod, status: is } of pods) {
    if (is?.phase !== 'Succeeded' && is?.phase !== 'Failed') problems.push(`${name} has ended and its pod ${pod.name} is ${is?.phase}`);
    if ((pod.finalizers ?? []).length > 0) problems.push(`pod ${pod.name} of the ended ${name} keeps its finalizer`);
  }
  if (spec.ttlSecondsAfterFinished !== undefined) problems.push(`${name} is there after it was to go`);
  return problems;
}

function cronProblems({ metadata, spec, status = {} }: CronJob, jobs: readonly Job[]): string[] {
  const name = `cron job ${metadata.name}`;
  const problems = (status.active ?? []).length === 0 ? [] : [`${name} has ${status.active?.length} active jobs`];
  if (spec.suspend !== true) problems.push(`${name} is not suspended`);
  const ends = (end: string): number => jobs.filter((job) => endOf(job) === end).length;
  if (ends('Complete') > (spec.successfulJobsHistoryLimit ?? 3)) problems.push(`${name} keeps ${ends('Complete')} complete jobs of ${spec.successfulJobsHistoryLimit}`);
  if (ends('Failed') > (spec.failedJobsHistoryLimit ?? 1)) problems.push(`${name} keeps ${ends('Failed')} failed jobs of ${spec.failedJobsHistoryLimit}`);
  return problems;
}

/** Ten of the metric for each replica, within a tenth (and what floats make of it). */
function scalerProblems({ metadata, spec, status }: HorizontalPodAutoscaler, oracle: ClusterOracle, signals: Signals): string[] {
  const { minReplicas = 1, maxReplicas } = spec;
  const name = spec.scaleTargetRef.name;
  const target = oracle.objects.get(`${DEPLOYMENTS}${metadata.namespace}/${name}`) as Deployment | undefined;
  // The user's request was refused in bad weather.
  if (target === undefined) return [];
  const replicas = target.spec.replicas ?? 0;
  const value = signals.value(name) ?? 0;
  const best = Math.min(maxReplicas, Math.max(minReplicas, Math.ceil(value / 10)));
  const tolerated = Math.abs(value / (10 * replicas) - 1) <= 0.1 + 1e-9 && replicas >= minReplicas && replicas <= maxReplicas;
  const problems = replicas === best || tolerated ? [] : [`${name} has ${replicas} replicas of ${best} for ${value}`];
  if (status?.currentReplicas !== replicas || status.desiredReplicas !== replicas) problems.push(`autoscaler ${name} says ${status?.currentReplicas} and ${status?.desiredReplicas} of ${replicas}`);
  return problems;
}

function budgetProblems({ metadata, spec, status }: PodDisruptionBudget, pods: readonly Pod[]): string[] {
  const covered = pods.filter((pod) => pod.metadata.namespace === metadata.namespace && spec.selector !== undefined && labelMatcher(spec.selector).matches(pod.metadata.labels));
  const healthy = covered.filter(({ status: is }) => is?.phase === 'Running').length;
  const desired = healthyWanted(spec, healthy);
  const allowed = healthy === 0 ? 0 : Math.max(0, healthy - desired);
  const right = status?.desiredHealthy === desired && status.currentHealthy === healthy && status.expectedPods === healthy && status.disruptionsAllowed === allowed && Object.keys(status.disruptedPods ?? {}).length === 0;
  return right ? [] : [`budget ${metadata.name} says ${JSON.stringify({ ...status, conditions: undefined })} of ${healthy} pods`];
}

function quotaProblems(quota: ResourceQuota, pods: readonly Pod[]): string[] {
  const { metadata, status } = quota;
  const counted = pods.filter((pod) => pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed' && isCounted(quota, pod)).length;
  const { pods: used = '0', 'requests.cpu': cpu = '0' } = status?.used ?? {};
  return Number(used) === counted && milliValue(cpu) === counted * POD_MILLI_CPU ? [] : [`quota ${metadata.name} says ${used} pods and ${cpu} cpu of ${counted}`];
}
