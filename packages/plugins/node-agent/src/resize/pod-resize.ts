import { errorMessage, OrreryError, type Pod } from '@orrery/core';
import { requestsOf } from '../pod/admission.js';
import type { PodWorkerOptions } from '../pod/options.js';
import type { PodView } from '../pod/view.js';
import { recordedResize, type ResizeState } from './conditions.js';
import { asked, type Grants, recordedGrants, withGrants } from './grants.js';
import { type Resize, resizesOf } from './in-force.js';
import { resizeMessage } from './messages.js';
import { planResize } from './plan-resize.js';

/** What the runtime refused is tried again after so long, then twice as long each time, up to the second. */
const RETRY_MS = 10_000;
const RETRY_MAX_MS = 300_000;
/** Codes of errors that say more than that the runtime could not be asked. */
const VERDICTS: ReadonlySet<string> = new Set(['INVALID', 'FORBIDDEN', 'UNSUPPORTED', 'EXHAUSTED', 'CONFLICT', 'INTERNAL']);

/** Told to be short of what was promised. */
const NOT_TAKEN = 'The runtime took the new limits, and does not have them.';

/**
 * What the node has granted one pod, and how far a change of it is. Everything can be found again: grants from the pod's status, what is in force from the runtime.
 */
export class PodResize {
  #grants: Grants | undefined;
  /** The last answer of {@link granted}. */
  #known: { readonly pod: Pod; readonly granted: Pod } | undefined;
  #pending: ResizeState['pending'];
  #begun: ResizeState['begun'];
  readonly #failures = new Map<string, { readonly message: string; readonly times: number }>();
  /** Containers, by name, whose limits the runtime refused: not before this time again. */
  readonly blockedUntil = new Map<string, number>();

  /**
   * @param adopted the pod runs here already: what its status does not tell was granted as it asks
   * @param retry called when a resize that was deferred is to be decided again
   */
  constructor(
    private readonly options: Pick<PodWorkerOptions, 'runtime' | 'events' | 'clock' | 'resizes'>,
    pod: Pod,
    adopted: boolean,
    private readonly retry: () => void,
  ) {
    this.#grants = recordedGrants(pod) ?? (adopted ? asked(pod) : undefined);
    ({ pending: this.#pending, begun: this.#begun } = recordedResize(pod.status?.conditions));
  }

  /** The pod with what it was granted as its resources; the same object for the same pod. */
  granted(pod: Pod): Pod {
    if (this.#grants === undefined) return pod;
    if (this.#known?.pod !== pod) this.#known = { pod, granted: withGrants(pod, this.#grants) };
    return this.#known.granted;
  }

  /** The node has taken the pod: from here on it has what it then asked for. */
  admitted(pod: Pod): void {
    this.#grants ??= asked(pod);
  }

  get deferred(): boolean {
    return this.#pending?.reason === 'Deferred';
  }

  get state(): ResizeState {
    const error = [...this.#failures.values()].map(({ message }) => message).join('; ');
    return { ...(this.#pending !== undefined && { pending: this.#pending }), ...(this.#begun !== undefined && { begun: this.#begun }), ...(error !== '' && { error }) };
  }

  /** Decides on what the pod asks for beyond what it has. True: it has been granted something else. In one step with the decision it counts. */
  decide(pod: Pod, view: PodView): boolean {
    const { runtime, resizes, events } = this.options;
    const granted = this.granted(pod);
    if (granted === pod) {
      this.#wait(pod, undefined);
      return false;
    }
    const plan = planResize({ pod, granted, view, runtime, allocatable: resizes.allocatable, refusal: resizes.refusal(pod) });
    if (plan.do === 'wait') {
      this.#wait(pod, { reason: plan.reason, message: plan.message, generation: generationOf(pod) });
      return false;
    }
    this.#grants = asked(pod);
    this.#known = undefined;
    this.#failures.clear();
    this.blockedUntil.clear();
    this.#begun = generationOf(pod);
    this.#wait(pod, undefined);
    events.event(pod, 'Normal', 'ResizeStarted', resizeMessage('started', pod, this.#begun));
    if (['cpu', 'memory'].some((name) => (requestsOf(pod)[name] ?? 0) < (requestsOf(granted)[name] ?? 0))) resizes.deferred.retry();
    return true;
  }

  /** The pod waits for nothing any more. */
  leave(pod: Pod): void {
    this.options.resizes.deferred.set(pod.metadata.uid ?? '', undefined);
  }

  #wait(pod: Pod, pending: ResizeState['pending']): void {
    const { resizes, events, clock } = this.options;
    const { uid = '' } = pod.metadata;
    const before = this.#pending;
    this.#pending = pending;
    if (pending?.reason !== 'Deferred') resizes.deferred.set(uid, undefined);
    else resizes.deferred.set(uid, { wanted: pod, granted: this.granted(pod), since: resizes.deferred.since(uid) ?? clock.now(), retry: this.retry });
    if (pending === undefined || (before?.reason === pending.reason && before.message === pending.message && before.generation === pending.generation)) return;
    events.event(pod, 'Warning', `Resize${pending.reason}`, resizeMessage(pending.reason, pod, pending.generation, pending.message));
  }

  /** Gives running containers other limits. What the runtime refuses is shown and tried again later; throws when it could not be asked. */
  async carryOut(pod: Pod, resizes: readonly Resize[], signal: AbortSignal): Promise<void> {
    await Promise.all(
      resizes.map(async ({ container, status, wanted }) => {
        try {
          await this.options.runtime.updateContainer(status.id, wanted, signal);
        } catch (error) {
          if (signal.aborted || !OrreryError.is(error) || !VERDICTS.has(error.code)) throw error;
          this.#failed(pod, container.name, errorMessage(error));
        }
      }),
    );
  }

  /** Holds what was carried out against what the runtime has now. */
  check(pod: Pod, resizes: readonly Resize[], view: PodView): void {
    const { clock } = this.options;
    const left = new Set(resizesOf(pod, view).map(({ status }) => status.id));
    for (const { container, status } of resizes) {
      if (!left.has(status.id)) this.#failures.delete(container.name);
      else if ((this.blockedUntil.get(container.name) ?? 0) <= clock.now()) this.#failed(pod, container.name, NOT_TAKEN);
    }
  }

  /** Tells when everything has what it was granted. */
  settle(pod: Pod, view: PodView): void {
    if (this.#begun === undefined || resizesOf(pod, view).length > 0) return;
    this.options.events.event(pod, 'Normal', 'ResizeCompleted', resizeMessage('completed', pod, this.#begun));
    this.#begun = undefined;
    // What has ended meanwhile is made anew with the right limits.
    this.#failures.clear();
  }

  #failed(pod: Pod, name: string, message: string): void {
    const { clock, events } = this.options;
    const before = this.#failures.get(name);
    const times = (before?.times ?? 0) + 1;
    this.#failures.set(name, { message, times });
    this.blockedUntil.set(name, clock.now() + Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** Math.min(20, times - 1)));
    if (before?.message !== message) events.event(pod, 'Warning', 'ResizeError', resizeMessage('error', pod, this.#begun ?? generationOf(pod), message));
  }
}

const generationOf = ({ metadata }: Pod): number => metadata.generation ?? 0;
