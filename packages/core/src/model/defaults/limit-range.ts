import type { LimitRange } from '../kinds/limit-range.js';

/** Default limits of containers are their maximum, default requests the default limits or else the minimum (SetDefaults_LimitRangeItem). */
export function applyLimitRangeDefaults({ spec }: LimitRange): void {
  for (const item of spec.limits) {
    if (item.type !== 'Container') continue;
    item.default = { ...item.max, ...item.default };
    item.defaultRequest = { ...item.min, ...item.default, ...item.defaultRequest };
  }
}
