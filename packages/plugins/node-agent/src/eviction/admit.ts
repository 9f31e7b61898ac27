import { type Pod, podQosClass, untolerated } from '@orrery/core';
import type { Rejection } from '../pod/admission.js';
import { isCritical } from '../pod/critical.js';
import { REASON } from './messages.js';
import type { Pressure } from './signals.js';

const MEMORY_PRESSURE = { key: 'node.kubernetes.io/memory-pressure', effect: 'NoSchedule' };

/**
 * Whether a node under pressure takes a new pod (kubelet eviction manager's Admit): critical ones always; when memory alone is short, those that ask for some, or tolerate that;
 * no others. Pure.
 */
export function admitUnderPressure(pod: Pod, pressures: readonly Pressure[]): Rejection | undefined {
  if (pressures.length === 0 || isCritical(pod)) return undefined;
  const onlyMemory = pressures.length === 1 && pressures[0] === 'MemoryPressure';
  if (onlyMemory && podQosClass(pod) !== 'BestEffort') return undefined;
  if (onlyMemory && untolerated([MEMORY_PRESSURE], pod.spec.tolerations ?? [], ['NoSchedule']) === undefined) return undefined;
  return { reason: REASON, message: `Pod was rejected: The node had condition: [${pressures.join(' ')}]. ` };
}
