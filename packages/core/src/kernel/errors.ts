/**
 * Every failure that Orrery itself reports, in one table.
 *
 * `retry` says whether doing the same thing again may succeed without anybody changing anything;
 * `why` says in one sentence what is wrong and what to do. Programs test codes; messages may change at any time.
 * Failures of API requests are not here: they are Kubernetes `Status` objects, see `ApiError` in the model.
 */
export const CODES = {
  OPTIONS_INVALID: { retry: false, why: 'The options of a plugin do not parse. Correct the named path.' },
  PLUGIN_INVALID: { retry: false, why: 'A plugin definition is malformed, or the same name is listed twice. Correct the list of plugins.' },
  PLUGIN_CYCLE: { retry: false, why: 'Plugins require each other in a loop. Break the loop at one of the named edges.' },
  PLUGIN_MISSING: { retry: false, why: 'A plugin requires another that is not listed. Add it to the list of plugins.' },
  PLUGIN_VERSION: { retry: false, why: 'A plugin asks for another version of the core. Install matching versions.' },
  PLUGIN_FAILED: { retry: false, why: 'A plugin threw in setup, while starting, running or stopping. Its own error is the cause.' },
  PLUGIN_TIMEOUT: { retry: true, why: 'A plugin did not finish in the time it was given. It may hang, or need a larger limit.' },
  SEAT_TAKEN: { retry: false, why: 'Two plugins take the same seat. Remove one of them, or give them different names where the seat allows several.' },
  SEAT_EMPTY: { retry: false, why: 'A seat that something needs is not taken. Add a plugin that provides it.' },
  SEAT_FIXED: { retry: false, why: 'What this plugin provides cannot be exchanged while running. Stop the orchestrator, change the list and start again.' },
  HOOK_FAILED: { retry: false, why: 'A tap threw. The plugin and the hook are named; its own error is the cause.' },
  CLOSED: { retry: false, why: 'The object was used after it was closed.' },
  ABORTED: { retry: true, why: 'The caller asked to stop waiting.' },
  TIMEOUT: { retry: true, why: 'The operation did not finish in time.' },
  CONFLICT: { retry: true, why: 'The object changed since it was read. Read again, then retry.' },
  EXPIRED: { retry: true, why: 'The history asked for has been compacted. List again and watch from the revision of that list.' },
  REVISION_AHEAD: { retry: true, why: 'A revision was asked for that the store has not reached: its history was cut back, or it is another store. List again.' },
  OUTCOME_UNKNOWN: { retry: true, why: 'The store did not answer, so the write may or may not have happened. Read before writing again.' },
  LEASE_LOST: { retry: false, why: 'The lease is held by somebody else, or its epoch is over. Stop acting under it.' },
  UNAVAILABLE: { retry: true, why: 'The engine behind this seat cannot be reached now.' },
  UNREADABLE: { retry: false, why: 'A stored value cannot be decoded, although its key is at hand: it was damaged, or moved there from elsewhere. Restore it or delete it.' },
  NOT_FOUND: { retry: false, why: 'What was named does not exist.' },
  ALREADY_EXISTS: { retry: false, why: 'What was to be made exists already.' },
  UNSUPPORTED: { retry: false, why: 'This implementation does not have the capability. See what it declares.' },
  INVALID: { retry: false, why: 'An argument is malformed; the message names it.' },
  IN_USE: { retry: true, why: 'Somebody else holds it. Wait until they let go, or use another.' },
  FORBIDDEN: { retry: false, why: 'The policy of this node does not allow it. Change what is asked for, or the policy in the options of the plugin.' },
  IMAGE_UNAVAILABLE: { retry: true, why: 'The image cannot be pulled or is not present.' },
  EXHAUSTED: { retry: true, why: 'A bounded resource (addresses, ports, buffer) is used up.' },
  INTERNAL: { retry: false, why: 'A promise of the code itself was broken. Please report it.' },
} as const satisfies Record<string, { readonly retry: boolean; readonly why: string }>;

/** A code of {@link CODES}. */
export type ErrorCode = keyof typeof CODES;

const BRAND = Symbol.for('orrery.OrreryError');

/** What an error is about: names, paths, revisions. Never secrets: it is logged. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/**
 * The one error class of the machinery. Recognise it with {@link OrreryError.is}, not with `instanceof`:
 * two copies of this package in one process still know each other's errors.
 */
export class OrreryError extends Error {
  /** Which row of {@link CODES}. Stable across releases. */
  readonly code: ErrorCode;
  /** Facts about this occurrence. */
  readonly details: ErrorDetails;

  /**
   * @param code a row of {@link CODES}
   * @param message what happened here, in words a user can act on; the row's `why` is appended
   * @param details facts for programs and logs, without secrets
   * @param cause the error underneath
   */
  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, cause?: unknown) {
    super(`${message} [${code}] ${CODES[code].why}`, cause === undefined ? undefined : { cause });
    this.name = 'OrreryError';
    this.code = code;
    this.details = details;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** Whether the same call may succeed later without a change by the caller. */
  get retryable(): boolean {
    return CODES[this.code].retry;
  }

  /** True for errors of this class, of any copy of the package, and of the given code if one is given. */
  static is(error: unknown, code?: ErrorCode): error is OrreryError {
    return typeof error === 'object' && error !== null && BRAND in error && (code === undefined || (error as unknown as OrreryError).code === code);
  }
}

/** The message of whatever was thrown, for logs and for messages that name a cause. */
export function errorMessage(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
