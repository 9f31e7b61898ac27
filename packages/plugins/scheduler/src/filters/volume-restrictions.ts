import { type FilterPlugin, PASS, type Pod, type RetryWhen, type Verdict } from '@orrery/core';
import { claimsOf } from '../volumes/pod-claims.js';
import type { Volumes } from '../volumes/volumes.js';

const refusal = (reason: string, retryWhen: RetryWhen, unresolvable: boolean) => ({ ok: false, reasons: [reason], retryWhen, ...(unresolvable ? { unresolvable } : {}) }) as const satisfies Verdict;
const IN_USE = Object.freeze(refusal('node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode', 'pod-changes', false));

/** A pod's claims that are for one pod alone, and how often placed pods use them. */
interface Exclusive {
  readonly keys: ReadonlySet<string>;
  uses: number;
}

/** Lets no second pod use a claim with access mode ReadWriteOncePod, on whatever node (plugins/volumerestrictions; disks of clouds are not looked at). */
export const volumeRestrictions = (volumes: Volumes): FilterPlugin<Exclusive> => ({
  name: 'VolumeRestrictions',
  clusterWide: true,
  outside: volumes,
  signature(pod) {
    const { missing, keys } = exclusiveClaims(pod, volumes);
    return missing ?? (keys.size === 0 ? '' : [...keys].join());
  },
  preFilter(pod, { nodes }) {
    const { missing, keys } = exclusiveClaims(pod, volumes);
    if (missing !== undefined) return refusal(`persistentvolumeclaim "${missing}" not found`, 'other-changes', true);
    if (keys.size === 0) return { skip: true };
    let uses = 0;
    for (const { pods } of nodes) for (const other of pods.values()) uses += usesOf(keys, other);
    return { state: { keys, uses } };
  },
  filter: (_pod, _node, { uses }) => (uses > 0 ? IN_USE : PASS),
  update(_pod, state, other, _node, delta) {
    if (state !== undefined) state.uses += delta * usesOf(state.keys, other);
    return true;
  },
});

const NONE: ReadonlySet<string> = new Set();

/** The claims of a pod that only one pod may use; `missing`: the first that is not there. Those made for the pod are its own anyhow. */
function exclusiveClaims(pod: Pod, volumes: Volumes): { readonly missing?: string; readonly keys: ReadonlySet<string> } {
  const uses = claimsOf(pod);
  if (uses.length === 0) return { keys: NONE };
  const keys = new Set<string>();
  for (const { key, name, ephemeral } of uses) {
    const claim = ephemeral ? undefined : volumes.claim(key);
    if (claim === undefined && !ephemeral) return { missing: name, keys };
    if (claim?.spec.accessModes?.includes('ReadWriteOncePod') === true) keys.add(key);
  }
  return { keys };
}

const usesOf = (keys: ReadonlySet<string>, pod: Pod): number => claimsOf(pod).filter(({ key }) => keys.has(key)).length;
