import type { PodCondition } from '@orrery/core';
import type { PendingResize } from './plan-resize.js';

/** Types of the conditions by which a pod tells of a resize. */
export const RESIZE_CONDITIONS = { pending: 'PodResizePending', inProgress: 'PodResizeInProgress' } as const;

/** How far a pod's resize is. Generations are the pod's. */
export interface ResizeState {
  readonly pending?: PendingResize & { readonly generation: number };
  /** Generation of what was granted, while it is carried out. */
  readonly begun?: number;
  /** Why it could not be carried out yet. */
  readonly error?: string;
}

/** The conditions of a resize (kubelet status manager): there while it waits or goes on, gone when it is done. `inProgress`: something does not have yet what it was granted. Pure. */
export function resizeConditions({ pending, begun, error }: ResizeState, inProgress: boolean, before: readonly PodCondition[], generation: number, time: string): readonly PodCondition[] {
  const conditions: PodCondition[] = [];
  if (pending !== undefined) conditions.push(timed({ type: RESIZE_CONDITIONS.pending, status: 'True', reason: pending.reason, message: pending.message, observedGeneration: pending.generation }, before, time));
  if (inProgress) {
    const observedGeneration = begun ?? before.find(({ type }) => type === RESIZE_CONDITIONS.inProgress)?.observedGeneration ?? generation;
    conditions.push(timed({ type: RESIZE_CONDITIONS.inProgress, status: 'True', ...(error !== undefined && { reason: 'Error', message: error }), observedGeneration }, before, time));
  }
  return conditions;
}

/** With its times: another reason is a transition, anything else that is new a look. */
function timed(condition: PodCondition, before: readonly PodCondition[], time: string): PodCondition {
  const known = before.find(({ type }) => type === condition.type);
  const transition = known !== undefined && (known.reason ?? '') === (condition.reason ?? '');
  const same = transition && (known.message ?? '') === (condition.message ?? '') && known.observedGeneration === condition.observedGeneration;
  return { ...condition, lastProbeTime: (same ? known.lastProbeTime : undefined) ?? time, lastTransitionTime: (transition ? known.lastTransitionTime : undefined) ?? time };
}

/** What a status tells of a resize: what an agent that was started anew knows of it. Pure. */
export function recordedResize(conditions: readonly PodCondition[] = []): ResizeState {
  const find = (wanted: string): PodCondition | undefined => conditions.find(({ type, status }) => type === wanted && status === 'True');
  const [pending, inProgress] = [find(RESIZE_CONDITIONS.pending), find(RESIZE_CONDITIONS.inProgress)];
  return {
    ...(pending !== undefined && { pending: { reason: pending.reason === 'Infeasible' ? 'Infeasible' : 'Deferred', message: pending.message ?? '', generation: pending.observedGeneration ?? 0 } }),
    ...(inProgress !== undefined && { begun: inProgress.observedGeneration ?? 0 }),
  };
}
