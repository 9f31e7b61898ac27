import type { Clock } from '@orrery/core';
import type { ContainerIdentity, SandboxIdentity } from '../identity/labels.js';
import type { Inventory, Item } from '../inventory/inventory.js';
import type { Ending } from './ending.js';

/** A thing younger than this may be in the making, by this process or another one with the same identity. Milliseconds. */
const YOUNG_MS = 60_000;

/**
 * What was begun and can never be finished:
 * a container whose sandbox no longer exists (it has no network to live in, and belongs to no pod that anybody lists), and
 * a sandbox that was made and never started, with nothing in it (a crash or a lost reply between two calls; running the pod again would have started it).
 * Only what carries this owner's identity is ever looked at, and nothing younger than a minute.
 */
export function planOrphans(sandboxes: readonly Item<SandboxIdentity>[], containers: readonly Item<ContainerIdentity>[], now: number): readonly string[] {
  const old = ({ facts }: Item): boolean => now - facts.createdAt >= YOUNG_MS;
  const known = new Set(sandboxes.map(({ id }) => id));
  const used = new Set(containers.map(({ identity }) => identity.sandboxId));
  return [
    ...containers.filter((item) => old(item) && !known.has(item.identity.sandboxId)),
    ...sandboxes.filter((item) => old(item) && item.facts.state === 'created' && !used.has(item.id)),
  ].map(({ id }) => id);
}

/** Removes what {@link planOrphans} finds, with its anonymous volumes. Resolves with the ids. */
export async function collectOrphans(inventory: Inventory, ending: Ending, clock: Clock, signal: AbortSignal): Promise<readonly string[]> {
  // Containers first: the sandbox of one that is listed is then in the later list, if it exists.
  const containers = await inventory.containers(signal);
  const sandboxes = await inventory.sandboxes(signal);
  const orphans = planOrphans(sandboxes, containers, clock.now());
  for (const id of orphans) await ending.removeOwn(id, signal);
  return orphans;
}
