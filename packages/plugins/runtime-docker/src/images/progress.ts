import { type Clock, OrreryError } from '@orrery/core';

/** One line of a progress stream. */
interface Progress {
  readonly error?: unknown;
  readonly errorDetail?: unknown;
  readonly status?: unknown;
}

/** A line longer than this is not from an engine. */
const MAX_LINE = 1024 * 1024;

/** How a progress stream is followed. */
export interface ProgressOptions {
  readonly clock: Clock;
  /** A stream that says nothing for so long is given up, milliseconds. */
  readonly idleMs: number;
  /** Ends the stream, when it is given up. */
  abandon(): void;
}

/**
 * Reads a stream of progress (a JSON object a line) to its end; resolves with the last status. Throws `IMAGE_UNAVAILABLE` with the words of an error
 * in it, which come long after the answer said 200, and when it says nothing for too long; what the stream throws when it breaks off is passed on.
 */
export async function followProgress(stream: AsyncIterable<Uint8Array>, { clock, idleMs, abandon }: ProgressOptions): Promise<string> {
  let idle = false;
  let cancel = (): void => undefined;
  const expect = (): void => {
    cancel();
    cancel = clock.timer(idleMs, () => {
      idle = true;
      abandon();
    });
  };
  const silent = (): OrreryError => new OrreryError('IMAGE_UNAVAILABLE', `The registry made no progress for ${Math.round(idleMs / 1000)} seconds.`);
  const decoder = new TextDecoder();
  let rest = '';
  let status = '';
  const take = (line: string): void => {
    const { error, errorDetail, status: said } = progressOf(line);
    if (error !== undefined || errorDetail !== undefined) throw new OrreryError('IMAGE_UNAVAILABLE', words(error, errorDetail));
    if (typeof said === 'string') status = said;
  };
  expect();
  try {
    for await (const chunk of stream) {
      expect();
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > MAX_LINE) throw new OrreryError('IMAGE_UNAVAILABLE', 'The engine sent a line without an end.');
      for (const line of lines) take(line);
    }
    if (idle) throw silent();
    take(rest);
    return status;
  } catch (error) {
    throw idle ? silent() : error;
  } finally {
    cancel();
  }
}

function progressOf(line: string): Progress {
  if (line.trim() === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new OrreryError('IMAGE_UNAVAILABLE', 'The engine sent something that is not JSON.');
  }
  return typeof value === 'object' && value !== null ? (value as Progress) : {};
}

function words(error: unknown, detail: unknown): string {
  const told = typeof detail === 'object' && detail !== null && 'message' in detail ? (detail as { readonly message?: unknown }).message : undefined;
  return typeof told === 'string' ? told : typeof error === 'string' ? error : 'the engine does not say why';
}
