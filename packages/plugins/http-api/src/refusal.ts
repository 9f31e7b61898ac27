import { ApiError, errorMessage, OrreryError, type Status } from '@orrery/core';

/** A refusal whose HTTP code is not the one of its reason, such as 408. */
export class HttpRefusal extends Error {
  constructor(
    readonly status: Status,
    /** Whether the connection cannot be used any more. */
    readonly closes: boolean,
  ) {
    super(status.message);
    this.name = 'HttpRefusal';
  }
}

/** The body did not come in time. */
export const bodyTooSlow = (): HttpRefusal =>
  new HttpRefusal({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'the request body did not arrive in time', reason: 'Timeout', code: 408 }, true);

/** The body is longer than it may be: what is left of it is not read. */
export const bodyTooLarge = (limit: number): HttpRefusal =>
  new HttpRefusal(new ApiError('RequestEntityTooLarge', `Request entity too large: limit is ${limit}`).toStatus(), true);

/** There is too much to do; `retryAfterSeconds` is also sent as `Retry-After`. */
export const tooBusy = (message: string, retryAfterSeconds = 1): ApiError => new ApiError('TooManyRequests', message, { retryAfterSeconds });

/** Nothing is served at this path. */
export const notServed = (): ApiError => new ApiError('NotFound', 'the server could not find the requested resource');

/** The path is served, but not with this method. */
export const methodNotAllowed = (): ApiError => new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource');

/** What a client is told of a failure. Only what is meant for clients: a failure that is no refusal is an InternalError without its text. */
export function statusOf(error: unknown): Status {
  if (error instanceof HttpRefusal) return error.status;
  if (ApiError.is(error)) return error.toStatus();
  if (OrreryError.is(error, 'UNAVAILABLE') || OrreryError.is(error, 'CLOSED')) return new ApiError('ServiceUnavailable', errorMessage(error), { retryAfterSeconds: 1 }).toStatus();
  if (OrreryError.is(error, 'TIMEOUT') || OrreryError.is(error, 'OUTCOME_UNKNOWN')) return new ApiError('Timeout', errorMessage(error)).toStatus();
  return new ApiError('InternalError', 'Internal error occurred').toStatus();
}
