import type { Taint } from './kinds/node-spec.js';
import type { Toleration } from './kinds/affinity.js';

const WHOLE = /^-?(0|[1-9]\d*)$/;

/** Whether a toleration covers a taint (v1.Toleration.ToleratesTaint). */
export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  switch (toleration.operator || 'Equal') {
    case 'Equal':
      return (toleration.value ?? '') === (taint.value ?? '');
    case 'Exists':
      return true;
    case 'Lt':
    case 'Gt': {
      const [left, right] = [taint.value ?? '', toleration.value ?? ''];
      if (!WHOLE.test(left) || !WHOLE.test(right)) return false;
      return toleration.operator === 'Lt' ? BigInt(left) < BigInt(right) : BigInt(left) > BigInt(right);
    }
    default:
      return false;
  }
}

/** The first taint with one of these effects that no toleration covers. */
export function untolerated(taints: readonly Taint[] | undefined, tolerations: readonly Toleration[], effects: readonly string[]): Taint | undefined {
  return taints?.find((taint) => effects.includes(taint.effect) && !tolerations.some((toleration) => tolerates(toleration, taint)));
}

/** The effects that keep a pod off a node. */
export const HARD_EFFECTS = ['NoSchedule', 'NoExecute'];
