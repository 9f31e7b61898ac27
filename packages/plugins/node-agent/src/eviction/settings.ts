import { z } from 'zod';
import { SIGNALS, UNMEASURED_SIGNALS } from './signals.js';
import { type Threshold, thresholdsOf } from './thresholds.js';

const signal = z.enum([...SIGNALS, ...UNMEASURED_SIGNALS] as [string, ...string[]]);
const statements = z.partialRecord(signal, z.string().max(64)).default({});

/** The kubelet's defaults (kubelet/apis/config/v1beta1, Linux). */
export const KUBELET_EVICTION_HARD = {
  'memory.available': '100Mi', 'nodefs.available': '10%', 'nodefs.inodesFree': '5%', 'imagefs.available': '15%', 'imagefs.inodesFree': '5%',
} as const;

/** For a machine that belongs to somebody else: only what the kernel would end programs for in the next moment. */
const EMBEDDED_EVICTION_HARD = { 'memory.available': KUBELET_EVICTION_HARD['memory.available'] } as const;

const fields = z.strictObject({
  /** Thresholds at which a pod is evicted at once; those that are not named are off. */
  evictionHard: statements,
  /** Thresholds at which one is evicted after a grace period. */
  evictionSoft: statements,
  /** Required for each soft threshold. */
  evictionSoftGracePeriodSeconds: z.partialRecord(signal, z.number().positive()).default({}),
  /** How much more than the threshold is made free. */
  evictionMinimumReclaim: statements,
  /** What pods that are evicted for a soft threshold get at most to end. */
  evictionMaxPodGracePeriodSeconds: z.number().int().nonnegative().default(0),
  /** A condition of the node stays so long after it was observed last, so that it does not flap. */
  evictionPressureTransitionPeriodSeconds: z.number().nonnegative().default(300),
  /** How often the node is looked at. */
  monitoringSeconds: z.number().positive().default(10),
});

/** `embedded`: memory only; `kubelet`: its defaults; `off`: no threshold; or thresholds of one's own. */
export const evictionOption = z
  .union([z.enum(['embedded', 'kubelet', 'off']), fields])
  .default('embedded')
  .superRefine((given, context) => {
    try {
      evictionSettings(given);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
    }
  });

/** How a node is kept from running out of what it has. */
export interface EvictionSettings {
  readonly thresholds: readonly Threshold[];
  readonly maxPodGracePeriodSeconds: number;
  readonly transitionMs: number;
  readonly monitoringMs: number;
}

/** Completes settings. Throws a RangeError for thresholds that cannot be read. */
export function evictionSettings(given: z.input<typeof evictionOption> = 'embedded'): EvictionSettings {
  const hard = given === 'kubelet' ? KUBELET_EVICTION_HARD : given === 'embedded' ? EMBEDDED_EVICTION_HARD : {};
  const config = fields.parse(typeof given === 'string' ? { evictionHard: hard } : given);
  const texts = (some: Partial<Record<string, string>>): Record<string, string> => Object.fromEntries(Object.entries(some).flatMap(([key, text]) => (text === undefined ? [] : [[key, text]])));
  return {
    thresholds: thresholdsOf({
      evictionHard: texts(config.evictionHard),
      evictionSoft: texts(config.evictionSoft),
      evictionMinimumReclaim: texts(config.evictionMinimumReclaim),
      evictionSoftGracePeriodSeconds: Object.fromEntries(Object.entries(config.evictionSoftGracePeriodSeconds).flatMap(([key, seconds]) => (seconds === undefined ? [] : [[key, seconds]]))),
    }),
    maxPodGracePeriodSeconds: config.evictionMaxPodGracePeriodSeconds,
    transitionMs: config.evictionPressureTransitionPeriodSeconds * 1000,
    monitoringMs: config.monitoringSeconds * 1000,
  };
}
