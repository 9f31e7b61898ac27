import type { ErrorCode, ErrorDetails } from '@orrery/core';
import type { WireError } from '../shared/protocol.js';

/** A failure with a code of the core's table; the host turns it into an `OrreryError`. */
export class HelperFailure extends Error {
  constructor(readonly code: ErrorCode, message: string, readonly details: ErrorDetails = {}) {
    super(message);
    this.name = 'HelperFailure';
  }
}

/** Any failure in the form that crosses the socket. What was not foreseen is `INTERNAL`, with its words. */
export function toWire(error: unknown): WireError {
  if (error instanceof HelperFailure) return { code: error.code, message: error.message, details: error.details };
  return { code: 'INTERNAL', message: messageOf(error) };
}

/** The message of whatever was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The system's error code (`ENOENT` …), if there is one. */
export function errno(thrown: unknown): string | undefined {
  const code = thrown instanceof Error ? (thrown as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** Runs `act` and lets the named system errors pass as `undefined`; anything else is thrown on. */
export function tolerate<T>(codes: readonly string[], act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (codes.includes(errno(error) ?? '')) return undefined;
    throw error;
  }
}
