import { ApiError, type StatusCause, type StatusDetails, type StatusReason } from '@orrery/core';

const REASONS: ReadonlySet<string> = new Set<StatusReason>([
  'BadRequest', 'Unauthorized', 'Forbidden', 'NotFound', 'AlreadyExists', 'Conflict', 'Gone', 'Expired', 'Invalid', 'MethodNotAllowed', 'NotAcceptable', 'UnsupportedMediaType',
  'RequestEntityTooLarge', 'TooManyRequests', 'Timeout', 'ServerTimeout', 'ServiceUnavailable', 'InternalError',
]);

/** What a code means where no known reason says it. */
const OF_CODE: ReadonlyMap<number, StatusReason> = new Map([
  [400, 'BadRequest'], [401, 'Unauthorized'], [403, 'Forbidden'], [404, 'NotFound'], [405, 'MethodNotAllowed'], [406, 'NotAcceptable'], [408, 'Timeout'], [409, 'Conflict'], [410, 'Expired'],
  [413, 'RequestEntityTooLarge'], [415, 'UnsupportedMediaType'], [422, 'Invalid'], [429, 'TooManyRequests'], [500, 'InternalError'], [502, 'ServiceUnavailable'], [503, 'ServiceUnavailable'], [504, 'Timeout'],
]);

/** What of a page that is no Status is told. */
const EXCERPT = 300;

/**
 * The refusal that an answer is: from the Status of its body if there is one, with message, details and causes; else from its code, with the beginning of what was sent (a proxy in between speaks so).
 * `retryAfter` is the header of that name. Pure.
 */
export function refusalOf(code: number, body: unknown, text: string, retryAfter?: string): ApiError {
  const status = isRecord(body) && body['kind'] === 'Status' ? body : undefined;
  const told = status?.['reason'];
  const reason = typeof told === 'string' && REASONS.has(told) ? (told as StatusReason) : reasonOf(typeof status?.['code'] === 'number' ? status['code'] : code);
  const excerpt = text.trim().replace(/\s+/g, ' ').slice(0, EXCERPT);
  const fallback = `the server answered ${code}${excerpt === '' ? '' : `: ${excerpt}`}`;
  const message = typeof status?.['message'] === 'string' && status['message'] !== '' ? status['message'] : fallback;
  return new ApiError(reason, message, detailsOf(status?.['details'], retryAfter));
}

function reasonOf(code: number): StatusReason {
  return OF_CODE.get(code) ?? (code >= 500 ? 'InternalError' : 'BadRequest');
}

function detailsOf(details: unknown, retryAfter: string | undefined): StatusDetails {
  const given = isRecord(details) ? details : {};
  const text = (key: 'name' | 'group' | 'kind' | 'uid'): StatusDetails => (typeof given[key] === 'string' && given[key] !== '' ? { [key]: given[key] } : {});
  const seconds = typeof given['retryAfterSeconds'] === 'number' ? given['retryAfterSeconds'] : /^\d{1,6}$/.test(retryAfter ?? '') ? Number(retryAfter) : undefined;
  const causes = Array.isArray(given['causes']) ? given['causes'].filter(isRecord).map(causeOf) : [];
  return { ...text('name'), ...text('group'), ...text('kind'), ...text('uid'), ...(causes.length > 0 && { causes }), ...(seconds !== undefined && { retryAfterSeconds: seconds }) };
}

const causeOf = ({ reason, message, field }: Readonly<Record<string, unknown>>): StatusCause => ({
  ...(typeof reason === 'string' && { reason }),
  ...(typeof message === 'string' && { message }),
  ...(typeof field === 'string' && { field }),
});

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
