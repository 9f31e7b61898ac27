import { OrreryError } from '@orrery/core';
import type { ErrorCode } from '@orrery/core';

/** The engine's own words are cut above this many characters. */
const MAX_WORDS = 1_024;

/** What a failed connection says, by Node's error code. */
const NOT_CONNECTED = new Set(['ECONNREFUSED', 'ENOENT', 'EACCES', 'EPERM', 'ENOTSOCK']);
const LOST = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ETIMEDOUT', 'EAGAIN', 'HPE_INVALID_CONSTANT', 'ERR_STREAM_PREMATURE_CLOSE']);

interface Thrown {
  readonly code?: unknown;
  readonly statusCode?: unknown;
  readonly json?: unknown;
  readonly message?: unknown;
}

/** Whether the request never reached the engine: it is safe to send it again, whatever it is. */
export function neverSent(error: unknown): boolean {
  const { code } = error as Thrown;
  return typeof code === 'string' && NOT_CONNECTED.has(code);
}

/** Whether the connection broke before an answer: the engine may or may not have acted. */
export function replyLost(error: unknown): boolean {
  const { code, message } = error as Thrown;
  return (typeof code === 'string' && LOST.has(code)) || message === 'socket hang up' || message === 'aborted';
}

/**
 * What the engine said, in one bounded piece: without the driver's prefix, control characters, and anything that looks like a credential
 * (user information in an address, a bearer token, a query parameter that names a token).
 */
export function engineWords(error: unknown): string {
  const { json, message } = error as Thrown;
  const told = typeof json === 'object' && json !== null && 'message' in json ? (json as { readonly message?: unknown }).message : undefined;
  const raw = typeof told === 'string' && told !== '' ? told : typeof message === 'string' ? message.replace(/^\(HTTP code \d+\) [^-]{0,80} - /, '') : String(error);
  return boundedWords(raw);
}

/** Words of the engine or of a registry made fit for messages and logs; see {@link engineWords}. */
export function boundedWords(raw: string): string {
  const clean = raw
    // Bounded first, so that the patterns below meet bounded input.
    .slice(0, MAX_WORDS * 4)
    .replace(/[\x00-\x08\x0b-\x1f\x7f]/g, ' ')
    .replace(/(:\/\/)[^\s/@]{1,512}@/g, '$1')
    .replace(/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi, '$1 …')
    .replace(/\b([\w-]*(?:token|secret|password|signature|credential)[\w-]*)(=|%3D)[^\s&"']+/gi, '$1$2…')
    .trim();
  return clean.length > MAX_WORDS ? `${clean.slice(0, MAX_WORDS - 1)}…` : clean;
}

/** What an engine says, in an answer of status 500, when its disk is full. */
const DISK_FULL = /no space left on device|disk quota exceeded/i;
/** What it says, also with status 500, when somebody else has a host port. */
const PORT_TAKEN = /port is already allocated|address already in use/i;

function codeOf(status: number, words: string): ErrorCode {
  if (status === 404) return 'NOT_FOUND';
  if (status === 409) return 'CONFLICT';
  if (status === 507 || (status >= 500 && DISK_FULL.test(words))) return 'EXHAUSTED';
  if (status >= 500 && PORT_TAKEN.test(words)) return 'CONFLICT';
  // An engine that is starting or stopping answers 502 and 503, and 500 when its containerd is away; all may pass.
  if (status >= 500) return 'UNAVAILABLE';
  if (status === 401 || status === 403) return 'FORBIDDEN';
  return 'INVALID';
}

/**
 * An error of the driver as one of ours. Codes: 404 `NOT_FOUND`, 409 and a taken port `CONFLICT`, a full disk `EXHAUSTED`, other 4xx `INVALID`, other 5xx and a broken or missing connection
 * `UNAVAILABLE` (`details.sent` tells whether the engine may have acted). `details.status` is the HTTP status.
 */
export function engineError(what: string, error: unknown): OrreryError {
  if (OrreryError.is(error)) return error;
  const { statusCode, code } = error as Thrown;
  const words = engineWords(error);
  if (typeof statusCode === 'number') return new OrreryError(codeOf(statusCode, words), `${what}: the engine says: ${words}`, { status: statusCode, words }, error);
  if (neverSent(error)) return new OrreryError('UNAVAILABLE', `${what}: the engine cannot be reached: ${words}`, { sent: false, cause: code }, error);
  if (replyLost(error)) return new OrreryError('UNAVAILABLE', `${what}: the connection to the engine broke: ${words}`, { sent: true, cause: code }, error);
  return new OrreryError('UNAVAILABLE', `${what}: ${words}`, { sent: true }, error);
}
