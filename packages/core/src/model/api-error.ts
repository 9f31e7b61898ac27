import type { FieldError } from './field-error.js';

/** Why a request was refused, as in metav1.StatusReason. */
export type StatusReason =
  | 'BadRequest'
  | 'Unauthorized'
  | 'Forbidden'
  | 'NotFound'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Gone'
  | 'Expired'
  | 'Invalid'
  | 'MethodNotAllowed'
  | 'NotAcceptable'
  | 'UnsupportedMediaType'
  | 'RequestEntityTooLarge'
  | 'TooManyRequests'
  | 'Timeout'
  | 'ServerTimeout'
  | 'ServiceUnavailable'
  | 'InternalError'
  /** What kube-apiserver gives no reason for, such as a node that cannot be reached. */
  | '';

const CODE_OF: Readonly<Record<StatusReason, number>> = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Gone: 410,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
  ServerTimeout: 500,
  '': 500,
};

/** One cause of a refused request (metav1.StatusCause). */
export interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

/** What the refusal is about (metav1.StatusDetails). */
export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

/** The Kubernetes `Status` object that a client receives. */
export interface Status {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: Record<string, never>;
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
  readonly reason?: StatusReason;
  readonly details?: StatusDetails;
  readonly code: number;
}

const BRAND = Symbol.for('orrery.ApiError');

/** A refused API request, with Kubernetes' own reason, code, message and causes. Recognise it with {@link ApiError.is}. */
export class ApiError extends Error {
  readonly reason: StatusReason;
  readonly code: number;
  readonly details: StatusDetails;

  /** @param code another one than the reason has: of a refusal that comes from elsewhere */
  constructor(reason: StatusReason, message: string, details: StatusDetails = {}, cause?: unknown, code?: number) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ApiError';
    this.reason = reason;
    this.code = code ?? CODE_OF[reason];
    this.details = details;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** True for API errors of any copy of the package, and of the given reason if one is given. */
  static is(error: unknown, reason?: StatusReason): error is ApiError {
    return typeof error === 'object' && error !== null && BRAND in error && (reason === undefined || (error as unknown as ApiError).reason === reason);
  }

  /** The wire form. */
  toStatus(): Status {
    const details = Object.keys(this.details).length === 0 ? {} : { details: this.details };
    return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: this.message, ...(this.reason !== '' && { reason: this.reason }), ...details, code: this.code };
  }

  /** `pods "x" not found`. `resource` is the plural name, with `.group` when there is one. */
  static notFound(resource: QualifiedResource, name: string): ApiError {
    return new ApiError('NotFound', `${qualified(resource)} ${JSON.stringify(name)} not found`, { name, ...groupKind(resource) });
  }

  /** `pods "x" already exists`. */
  static alreadyExists(resource: QualifiedResource, name: string): ApiError {
    return new ApiError('AlreadyExists', `${qualified(resource)} ${JSON.stringify(name)} already exists`, { name, ...groupKind(resource) });
  }

  /** `Operation cannot be fulfilled on pods "x": …`. */
  static conflict(resource: QualifiedResource, name: string, why: string): ApiError {
    return new ApiError('Conflict', `Operation cannot be fulfilled on ${qualified(resource)} ${JSON.stringify(name)}: ${why}`, { name, ...groupKind(resource) });
  }

  /** `Pod "x" is invalid: …` with one cause per field. */
  static invalid(kind: { readonly group: string; readonly kind: string }, name: string, errors: readonly FieldError[]): ApiError {
    const texts = errors.map((e) => `${e.field}: ${e.message}`);
    const shown = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
    const qualifiedKind = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`;
    return new ApiError('Invalid', `${qualifiedKind} ${JSON.stringify(name)} is invalid: ${shown}`, {
      ...(name !== '' && { name }),
      ...(kind.group === '' ? {} : { group: kind.group }),
      kind: kind.kind,
      causes: errors.map((e) => ({ reason: e.type, message: e.message, field: e.field })),
    });
  }

  /** The request itself is malformed. */
  static badRequest(message: string): ApiError {
    return new ApiError('BadRequest', message);
  }
}

/** A resource for messages. */
export interface QualifiedResource {
  readonly group: string;
  readonly plural: string;
}

const qualified = (r: QualifiedResource): string => (r.group === '' ? r.plural : `${r.plural}.${r.group}`);
const groupKind = (r: QualifiedResource): StatusDetails => ({ ...(r.group === '' ? {} : { group: r.group }), kind: r.plural });
