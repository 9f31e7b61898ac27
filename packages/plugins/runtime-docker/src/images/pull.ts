import { type ImageReference, OrreryError, type RegistryAuth } from '@orrery/core';
import { boundedWords } from '../engine/errors.js';
import type { Engine } from '../engine/engine.js';
import { enginePost } from './engine-post.js';
import { followProgress } from './progress.js';
import { authHeader, withoutSecrets } from './status.js';

/**
 * Pulls one image, to the end of the engine's progress. Throws `IMAGE_UNAVAILABLE` with the registry's words, and `UNAVAILABLE`, `ABORTED` or `CLOSED` when it
 * is the engine that cannot be reached.
 */
export async function pullImage(engine: Engine, reference: ImageReference, auth: RegistryAuth | undefined, idleMs: number, signal: AbortSignal): Promise<void> {
  const { domain, name, tag, digest, canonical } = reference;
  const path = `/images/create?${new URLSearchParams({ fromImage: name, tag: digest ?? tag ?? 'latest' }).toString()}`;
  // Docker Hub's credentials are kept under an address of its own.
  const headers: Record<string, string> = auth === undefined ? {} : { 'x-registry-auth': authHeader(auth, domain === 'docker.io' ? 'https://index.docker.io/v1/' : domain) };
  try {
    const stream = await engine.open(`pull ${canonical}`, signal, (_docker, abortSignal) => enginePost(engine.socketPath, path, headers, undefined, abortSignal), { timeoutMs: idleMs });
    await followProgress(stream, { clock: engine.clock, idleMs, abandon: () => stream.destroy() });
    if (!stream.complete) throw new OrreryError('UNAVAILABLE', `pull ${canonical}: the connection to the engine broke.`);
  } catch (error) {
    throw pullFailure(error, canonical, auth, signal);
  }
}

/** Tells the registry's failures, which the engine passes on with any status, from those of the way to the engine. */
function pullFailure(error: unknown, canonical: string, auth: RegistryAuth | undefined, signal: AbortSignal): unknown {
  if (signal.aborted) return new OrreryError('ABORTED', `pull ${canonical}: aborted.`, {}, signal.reason);
  const told = OrreryError.is(error) ? error : undefined;
  const words = told === undefined ? undefined : (told.details['words'] as string | undefined);
  const fromRegistry = told?.code === 'IMAGE_UNAVAILABLE' || told?.code === 'TIMEOUT' || told?.details['status'] !== undefined;
  if (told !== undefined && !fromRegistry) return told;
  if (told === undefined) return new OrreryError('UNAVAILABLE', `pull ${canonical}: the connection to the engine broke.`, {}, error);
  const message = told.code === 'TIMEOUT' ? 'The registry does not answer.' : (words ?? told.message.replace(/ \[IMAGE_UNAVAILABLE\].*$/s, ''));
  // Without the cause: it may hold the answer as it came.
  return new OrreryError('IMAGE_UNAVAILABLE', `Image ${canonical} cannot be pulled: ${boundedWords(withoutSecrets(message, auth))}`, { image: canonical });
}
