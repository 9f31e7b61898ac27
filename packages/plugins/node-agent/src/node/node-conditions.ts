import type { NodeCondition } from '@orrery/core';
import type { Pressure } from '../eviction/signals.js';

/** What the kubelet says of each pressure (nodestatus MemoryPressureCondition …). */
const WORDS: Readonly<Record<Pressure, { readonly low: readonly [reason: string, message: string]; readonly enough: readonly [reason: string, message: string] }>> = {
  MemoryPressure: {
    low: ['KubeletHasInsufficientMemory', 'kubelet has insufficient memory available'],
    enough: ['KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
  },
  DiskPressure: { low: ['KubeletHasDiskPressure', 'kubelet has disk pressure'], enough: ['KubeletHasNoDiskPressure', 'kubelet has no disk pressure'] },
  PIDPressure: { low: ['KubeletHasInsufficientPID', 'kubelet has insufficient PID available'], enough: ['KubeletHasSufficientPID', 'kubelet has sufficient PID available'] },
};

/** What the conditions of a node are computed from. */
export interface NodeHealth {
  /** Whether the runtime answers, and else why not. */
  readonly ready: { readonly ok: boolean; readonly message: string };
  readonly pressures: readonly Pressure[];
}

/** The conditions a node reports, beside those that others set; the time of a transition is kept where nothing changed. Pure. */
export function nodeConditions({ ready, pressures }: NodeHealth, before: readonly NodeCondition[], time: string): NodeCondition[] {
  const condition = (type: string, holds: boolean, [reason, message]: readonly [string, string]): NodeCondition => {
    const status = holds ? 'True' : 'False';
    const known = before.find((candidate) => candidate.type === type);
    return { type, status, reason, message, lastHeartbeatTime: time, lastTransitionTime: known?.status === status ? (known.lastTransitionTime ?? time) : time };
  };
  const types = Object.keys(WORDS) as Pressure[];
  const own = [
    ...types.map((type) => condition(type, pressures.includes(type), WORDS[type][pressures.includes(type) ? 'low' : 'enough'])),
    condition('Ready', ready.ok, ready.ok ? ['KubeletReady', 'kubelet is posting ready status'] : ['KubeletNotReady', ready.message]),
  ];
  return [...before.filter(({ type }) => !own.some((c) => c.type === type)), ...own];
}
