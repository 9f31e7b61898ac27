import { amountOf, type Pod } from '@orrery/core';
import { type Rejection, requestsOf } from '../pod/admission.js';
import { isStatic } from '../pod/critical.js';
import type { PodView } from '../pod/view.js';
import { resizesOf } from './in-force.js';

/** Why a pod does not get what it asks for: it may get it later, or never here. */
export interface PendingResize {
  readonly reason: 'Deferred' | 'Infeasible';
  readonly message: string;
}

/** What a decision on other resources depends on. */
export interface ResizeInput {
  /** As it asks to be. */
  readonly pod: Pod;
  /** As it was granted; the same object when it asks for nothing else. */
  readonly granted: Pod;
  readonly view: PodView;
  readonly runtime: { readonly name: string; readonly capabilities: { readonly resize: boolean } };
  /** What the node offers, quantities by resource name. */
  readonly allocatable: Readonly<Record<string, string>>;
  /** What would be in the way of the pod as it asks to be, beside the others here. */
  readonly refusal: Rejection | undefined;
}

/** The decision. */
export type ResizePlan = { readonly do: 'nothing' } | { readonly do: 'grant' } | ({ readonly do: 'wait' } & PendingResize);

const never = (message: string): ResizePlan => ({ do: 'wait', reason: 'Infeasible', message });

/** Whether a pod gets other resources than it was granted (kubelet allocation.Manager handlePodResourcesResize, canResizePod). Pure. */
export function planResize({ pod, granted, view, runtime, allocatable, refusal }: ResizeInput): ResizePlan {
  if (granted === pod) return { do: 'nothing' };
  if (isStatic(pod)) return never('In-place resize of static-pods is not supported');
  if (!runtime.capabilities.resize && resizesOf(pod, view).some(({ restart }) => !restart)) return never(`In-place resize is not supported by the runtime ${JSON.stringify(runtime.name)}`);
  for (const resource of ['memory', 'cpu']) {
    const [requested, capacity] = [requestsOf(pod)[resource] ?? 0, amountOf(resource, allocatable[resource] ?? '0')];
    if (requested > capacity) return never(`Node didn't have enough capacity: ${resource}, requested: ${requested}, capacity: ${capacity}`);
  }
  // The prefix is that of a pod that is turned away.
  return refusal === undefined ? { do: 'grant' } : { do: 'wait', reason: 'Deferred', message: refusal.message.replace(/^Pod was rejected: /, '') };
}
