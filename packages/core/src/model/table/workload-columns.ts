import type { Column } from '../kind.js';
import type { ControllerRevision } from '../kinds/controllerrevision.js';
import type { CronJob } from '../kinds/cronjob.js';
import type { DaemonSet } from '../kinds/daemonset.js';
import type { Deployment } from '../kinds/deployment.js';
import type { HorizontalPodAutoscaler } from '../kinds/horizontal-pod-autoscaler.js';
import type { Job } from '../kinds/job.js';
import type { PodDisruptionBudget } from '../kinds/pod-disruption-budget.js';
import type { ReplicaSet } from '../kinds/replicaset.js';
import type { StatefulSet } from '../kinds/statefulset.js';
import { controllerOf } from '../object.js';
import { millisOfTime } from '../timestamp.js';
import { age, column, imagesOf, labelsText, namesOf, orNone, selectorText, wide } from './cells.js';
import { metricTargets } from './hpa-targets.js';
import { humanDuration, since } from './human-duration.js';

// Workloads: pkg/printers/internalversion.

/** Columns of Deployments. */
export const deploymentColumns: readonly Column<Deployment>[] = [
  column('Ready', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`),
  column('Up-to-date', ({ status }) => status?.updatedReplicas ?? 0),
  column('Available', ({ status }) => status?.availableReplicas ?? 0),
  age(),
  wide('Containers', ({ spec }) => namesOf(spec.template.spec.containers)),
  wide('Images', ({ spec }) => imagesOf(spec.template.spec.containers)),
  wide('Selector', ({ spec }) => selectorText(spec.selector)),
];

/** Columns of ReplicaSets. */
export const replicaSetColumns: readonly Column<ReplicaSet>[] = [
  column('Desired', ({ spec }) => spec.replicas ?? 0, 'integer'),
  column('Current', ({ status }) => status?.replicas ?? 0, 'integer'),
  column('Ready', ({ status }) => status?.readyReplicas ?? 0, 'integer'),
  age(),
  wide('Containers', ({ spec }) => namesOf(spec.template.spec.containers)),
  wide('Images', ({ spec }) => imagesOf(spec.template.spec.containers)),
  wide('Selector', ({ spec }) => selectorText(spec.selector)),
];

/** Columns of StatefulSets. */
export const statefulSetColumns: readonly Column<StatefulSet>[] = [
  column('Ready', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`),
  age(),
  wide('Containers', ({ spec }) => namesOf(spec.template.spec.containers)),
  wide('Images', ({ spec }) => imagesOf(spec.template.spec.containers)),
];

/** Columns of DaemonSets. */
export const daemonSetColumns: readonly Column<DaemonSet>[] = [
  column('Desired', ({ status }) => status?.desiredNumberScheduled ?? 0, 'integer'),
  column('Current', ({ status }) => status?.currentNumberScheduled ?? 0, 'integer'),
  column('Ready', ({ status }) => status?.numberReady ?? 0, 'integer'),
  column('Up-to-date', ({ status }) => status?.updatedNumberScheduled ?? 0, 'integer'),
  column('Available', ({ status }) => status?.numberAvailable ?? 0, 'integer'),
  column('Node Selector', ({ spec }) => labelsText(spec.template.spec.nodeSelector)),
  age(),
  wide('Containers', ({ spec }) => namesOf(spec.template.spec.containers)),
  wide('Images', ({ spec }) => imagesOf(spec.template.spec.containers)),
  wide('Selector', ({ spec }) => selectorText(spec.selector)),
];

/** What a Job says first of itself, the most final first. */
const JOB_CONDITIONS = [['Complete', 'Complete'], ['Failed', 'Failed']] as const;
const JOB_STATES = ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'] as const;

function jobStatus({ metadata, status }: Job): string {
  const holds = (type: string): boolean => status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') === true;
  for (const [type, text] of JOB_CONDITIONS) if (holds(type)) return text;
  if (metadata.deletionTimestamp !== undefined) return 'Terminating';
  return JOB_STATES.find(holds) ?? 'Running';
}

function jobCompletions({ spec: { completions, parallelism = 0 }, status }: Job): string {
  const succeeded = status?.succeeded ?? 0;
  if (completions !== undefined) return `${succeeded}/${completions}`;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

/** Columns of Jobs. */
export const jobColumns: readonly Column<Job>[] = [
  column('Status', jobStatus),
  column('Completions', jobCompletions),
  column('Duration', ({ status }, now) => {
    const start = millisOfTime(status?.startTime ?? '');
    return start === undefined ? '' : humanDuration((millisOfTime(status?.completionTime ?? '') ?? now) - start);
  }),
  age(),
  wide('Containers', ({ spec }) => namesOf(spec.template.spec.containers)),
  wide('Images', ({ spec }) => imagesOf(spec.template.spec.containers)),
  wide('Selector', ({ spec }) => selectorText(spec.selector)),
];

/** Columns of CronJobs. */
export const cronJobColumns: readonly Column<CronJob>[] = [
  column('Schedule', ({ spec }) => spec.schedule),
  column('Timezone', ({ spec }) => orNone(spec.timeZone)),
  column('Suspend', ({ spec }) => (spec.suspend === undefined ? '<unset>' : spec.suspend ? 'True' : 'False'), 'boolean'),
  column('Active', ({ status }) => status?.active?.length ?? 0, 'integer'),
  column('Last Schedule', ({ status }, now) => (status?.lastScheduleTime === undefined ? '<none>' : since(status.lastScheduleTime, now))),
  age(),
  wide('Containers', ({ spec }) => namesOf(spec.jobTemplate.spec.template.spec.containers)),
  wide('Images', ({ spec }) => imagesOf(spec.jobTemplate.spec.template.spec.containers)),
  wide('Selector', ({ spec }) => selectorText(spec.jobTemplate.spec.selector)),
];

/** Columns of HorizontalPodAutoscalers. */
export const autoscalerColumns: readonly Column<HorizontalPodAutoscaler>[] = [
  column('Reference', ({ spec }) => `${spec.scaleTargetRef.kind}/${spec.scaleTargetRef.name}`),
  column('Targets', ({ spec, status }) => metricTargets(spec.metrics ?? [], status?.currentMetrics ?? [])),
  column('MinPods', ({ spec }) => (spec.minReplicas === undefined ? '<unset>' : String(spec.minReplicas))),
  column('MaxPods', ({ spec }) => spec.maxReplicas),
  column('Replicas', ({ status }) => status?.currentReplicas ?? 0),
  age(),
];

/** Columns of PodDisruptionBudgets. */
export const disruptionBudgetColumns: readonly Column<PodDisruptionBudget>[] = [
  column('Min Available', ({ spec }) => (spec.minAvailable === undefined ? 'N/A' : String(spec.minAvailable))),
  column('Max Unavailable', ({ spec }) => (spec.maxUnavailable === undefined ? 'N/A' : String(spec.maxUnavailable))),
  column('Allowed Disruptions', ({ status }) => status?.disruptionsAllowed ?? 0, 'integer'),
  age(),
];

/** Columns of ControllerRevisions. */
export const revisionColumns: readonly Column<ControllerRevision>[] = [
  column('Controller', (revision) => {
    const owner = controllerOf(revision);
    if (owner === undefined) return '<none>';
    const group = owner.apiVersion.includes('/') ? `.${owner.apiVersion.slice(0, owner.apiVersion.indexOf('/'))}` : '';
    return `${owner.kind.toLowerCase()}${group}/${owner.name}`;
  }),
  column('Revision', ({ revision }) => revision),
  age(),
];
