import { errorMessage, type EventRecorder, type Logger, type Node, type Pod } from '@orrery/core';
import { admitUnderPressure } from '../eviction/admit.js';
import type { EvictablePod } from '../eviction/manager.js';
import type { Pressure } from '../eviction/signals.js';
import { admitPod, isAboutNode, type Rejection, shortages, unfit } from '../pod/admission.js';
import { isCritical } from '../pod/critical.js';
import { planPreemption } from '../pod/preemption.js';

/** What admission asks. */
export interface AdmissionOptions {
  readonly events: EventRecorder;
  readonly log: Logger;
  readonly allocatable: Readonly<Record<string, string>>;
  /** The node as the API had it last. */
  readonly node: { readonly node: Node | undefined; refresh(): Promise<void> };
  /** Whether the node takes a pod for what it may reach. */
  permit(pod: Pod): Rejection | undefined;
  /** What the node is short of. */
  pressures(): readonly Pressure[];
  /** The other pods that hold resources here. */
  others(pod: Pod): readonly (EvictablePod & { /** With what it was granted as its resources. */ readonly granted: Pod })[];
}

/** What the status of a pod says that had to make room. */
const PREEMPTED = {
  reason: 'Preempting',
  message: 'Preempted in order to admit critical pod',
  condition: { type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet', message: 'Pod was preempted by Kubelet to accommodate a critical pod.' },
} as const;

/** Decides which of the pods that are bound to a node it takes. */
export class Admission {
  constructor(private readonly options: AdmissionOptions) {}

  /** The decision, on what is known now. */
  admit(pod: Pod): Rejection | undefined {
    const { permit, pressures } = this.options;
    return permit(pod) ?? admitUnderPressure(pod, pressures()) ?? this.#admitHere(pod);
  }

  /** What is in the way of a pod that runs here already and asks for other resources. */
  refusal(pod: Pod): Rejection | undefined {
    return admitUnderPressure(pod, this.options.pressures()) ?? this.#admitHere(pod);
  }

  /** What can be done for a pod that would be refused: asks for the node's newest labels and taints, and ends less important pods for a critical one. */
  async makeRoom(pod: Pod): Promise<void> {
    const { node, log } = this.options;
    const rejection = this.#admitHere(pod);
    if (rejection === undefined) return;
    if (isAboutNode(rejection)) await node.refresh().catch((error: unknown) => log.debug('the node could not be asked for', { error: errorMessage(error) }));
    if (isCritical(pod)) await this.#preempt(pod);
  }

  #admitHere(pod: Pod): Rejection | undefined {
    const { allocatable, node, others } = this.options;
    return admitPod(pod, { admitted: others(pod).map(({ granted }) => granted), allocatable, node: node.node });
  }

  async #preempt(pod: Pod): Promise<void> {
    const { allocatable, node, events, log, others, permit } = this.options;
    const running = others(pod);
    const admitted = running.map(({ granted }) => granted);
    const short = shortages(pod, admitted, allocatable);
    if (short.length === 0 || permit(pod) !== undefined || unfit(pod, { admitted, allocatable, node: node.node }) !== undefined) return;
    const victims = planPreemption(pod, admitted, short) ?? [];
    log.info('ending pods for a critical one', { pod: pod.metadata.name, victims: victims.map(({ metadata }) => metadata.name).join() });
    await Promise.all(
      running.filter(({ granted }) => victims.includes(granted)).map((victim) => {
        events.event(victim.current, 'Warning', PREEMPTED.reason, PREEMPTED.message);
        return victim.evict({ ...PREEMPTED, graceSeconds: victim.current.spec.terminationGracePeriodSeconds ?? 30 });
      }),
    );
  }
}
