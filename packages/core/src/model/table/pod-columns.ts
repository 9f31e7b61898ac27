import type { Column } from '../kind.js';
import type { ContainerStatus } from '../kinds/container-status.js';
import type { Pod } from '../kinds/pod.js';
import { millisOfTime } from '../timestamp.js';
import { age, column, orNone, wide } from './cells.js';
import { humanDuration } from './human-duration.js';

// Pods: printPod of pkg/printers/internalversion.

interface Summary {
  readonly ready: number;
  readonly total: number;
  readonly reason: string;
  readonly restarts: number;
  /** Of the last restart, milliseconds since the epoch. */
  readonly restartedAt: number;
}

/** Columns of pods. */
export const podColumns: readonly Column<Pod>[] = [
  column('Ready', (pod) => `${summaryOf(pod).ready}/${summaryOf(pod).total}`),
  column('Status', (pod) => summaryOf(pod).reason),
  column('Restarts', (pod, now) => {
    const { restarts, restartedAt } = summaryOf(pod);
    return restarts !== 0 && restartedAt > 0 ? `${restarts} (${humanDuration(now - restartedAt)} ago)` : String(restarts);
  }),
  age(),
  wide('IP', ({ status }) => orNone(status?.podIPs?.[0]?.ip)),
  wide('Node', ({ spec }) => orNone(spec.nodeName)),
  wide('Nominated Node', ({ status }) => orNone(status?.nominatedNodeName)),
  wide('Readiness Gates', ({ spec, status }) => {
    const gates = spec.readinessGates ?? [];
    const met = gates.filter(({ conditionType }) => status?.conditions?.find(({ type }) => type === conditionType)?.status === 'True').length;
    return gates.length === 0 ? '<none>' : `${met}/${gates.length}`;
  }),
];

/** Says of a pod that has ended that it has. */
export function podRowConditions({ status }: Pod): readonly { readonly type: string; readonly status: string; readonly reason: string; readonly message: string }[] {
  if (status?.phase === 'Succeeded') return [{ type: 'Completed', status: 'True', reason: 'Succeeded', message: 'The pod has completed successfully.' }];
  return status?.phase === 'Failed' ? [{ type: 'Completed', status: 'True', reason: 'Failed', message: 'The pod failed.' }] : [];
}

const summaries = new WeakMap<Pod, Summary>();

/** Made once for each version of a pod. */
function summaryOf(pod: Pod): Summary {
  const known = summaries.get(pod);
  if (known !== undefined) return known;
  const summary = summarize(pod);
  summaries.set(pod, summary);
  return summary;
}

interface Restarts {
  count: number;
  at: number;
}

const note = (restarts: Restarts, { restartCount = 0, lastState }: ContainerStatus): void => {
  restarts.count += restartCount;
  restarts.at = Math.max(restarts.at, millisOfTime(lastState?.terminated?.finishedAt ?? '') ?? 0);
};

function summarize(pod: Pod): Summary {
  const { spec, status = {}, metadata } = pod;
  const sidecars = new Set((spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always').map(({ name }) => name));
  const total = spec.containers.length + sidecars.size;
  let reason = orNone(status.reason, status.phase ?? '');
  if (status.conditions?.some((condition) => condition.type === 'PodScheduled' && condition.reason === 'SchedulingGated') === true) reason = 'SchedulingGated';

  let ready = 0;
  const ofInit: Restarts = { count: 0, at: 0 };
  const ofSidecars: Restarts = { count: 0, at: 0 };
  let initializing = false;
  for (const [i, container] of (status.initContainerStatuses ?? []).entries()) {
    note(ofInit, container);
    const isSidecar = sidecars.has(container.name);
    if (isSidecar) note(ofSidecars, container);
    if (container.state?.terminated?.exitCode === 0) continue;
    if (isSidecar && container.started === true) {
      if (container.ready === true) ready += 1;
      continue;
    }
    reason = `Init:${initReason(container) ?? `${i}/${(spec.initContainers ?? []).length}`}`;
    initializing = true;
    break;
  }

  let restarts = ofInit;
  if (!initializing || status.conditions?.some((condition) => condition.type === 'Initialized' && condition.status === 'True') === true) {
    restarts = ofSidecars;
    let isRunning = false;
    for (const container of [...(status.containerStatuses ?? [])].reverse()) {
      note(restarts, container);
      const why = containerReason(container);
      if (why !== undefined) reason = why;
      else if (container.ready === true && container.state?.running !== undefined) {
        isRunning = true;
        ready += 1;
      }
    }
    if (reason === 'Completed' && isRunning && status.phase !== 'Failed' && status.phase !== 'Succeeded') reason = status.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') === true ? 'Running' : 'NotReady';
  }
  if (metadata.deletionTimestamp !== undefined) {
    if (status.reason === 'NodeLost') reason = 'Unknown';
    else if (status.phase !== 'Succeeded' && status.phase !== 'Failed') reason = 'Terminating';
  }
  return { ready, total, reason, restarts: restarts.count, restartedAt: restarts.at };
}

/** Why an init container holds the others up; undefined: it is on its way. */
function initReason({ state }: ContainerStatus): string | undefined {
  if (state?.terminated !== undefined) return endOf(state.terminated);
  const waiting = state?.waiting?.reason ?? '';
  return waiting !== '' && waiting !== 'PodInitializing' ? waiting : undefined;
}

/** Why a container does not run; undefined: it does, or nobody knows. */
function containerReason({ state }: ContainerStatus): string | undefined {
  if ((state?.waiting?.reason ?? '') !== '') return state?.waiting?.reason;
  return state?.terminated === undefined ? undefined : endOf(state.terminated);
}

function endOf({ reason, signal = 0, exitCode }: NonNullable<NonNullable<ContainerStatus['state']>['terminated']>): string {
  if ((reason ?? '') !== '') return reason as string;
  return signal !== 0 ? `Signal:${signal}` : `ExitCode:${exitCode}`;
}
