import { createHash } from 'node:crypto';

/** Names are cut to this length; their end is then a hash of the whole. */
const MAX_NAME = 200;
const HASH_CHARACTERS = 16;

/**
 * An engine name made of parts: always the same for the same parts, and different for different ones, since whatever is replaced or cut is kept in a hash.
 * Only `[A-Za-z0-9.-]` of each part is kept, so `_` separates them safely.
 */
export function engineName(...parts: readonly string[]): string {
  const clean = parts.map((part) => part.replace(/[^A-Za-z0-9.-]/g, '-'));
  const whole = `orrery_${clean.join('_')}`;
  if (whole.length <= MAX_NAME && clean.every((part, index) => part === parts[index])) return whole;
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, HASH_CHARACTERS);
  return `${whole.slice(0, MAX_NAME - HASH_CHARACTERS - 1)}_${hash}`;
}

/** The name of a sandbox: `orrery_<id>_POD_<pod>_<namespace>_<uid>_<attempt>`. A container is never called POD: its name is in lower case. */
export function sandboxName(owner: string, pod: { readonly namespace: string; readonly name: string; readonly uid: string }, attempt: number): string {
  return engineName(owner, 'POD', pod.name, pod.namespace, pod.uid, String(attempt));
}

/** The name of a container: `orrery_<id>_<container>_<pod>_<namespace>_<start of the sandbox's id>_<attempt>`. */
export function containerName(owner: string, container: string, pod: { readonly namespace: string; readonly name: string }, sandboxId: string, attempt: number): string {
  return engineName(owner, container, pod.name, pod.namespace, sandboxId.slice(0, 12), String(attempt));
}

/**
 * Whether this may be an id of the engine. Ids go into the paths of requests, so nothing else is ever sent.
 */
export function isEngineId(id: string): boolean {
  return /^[0-9a-f]{64}$/.test(id);
}
