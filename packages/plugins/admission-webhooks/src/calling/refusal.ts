import { ApiError, type StatusDetails, type StatusReason } from '@orrery/core';

type Json = Readonly<Record<string, unknown>>;

/** What a webhook says and refuses, as a refusal of the request (webhook/errors ToStatusErr). */
export function deniedBy(webhook: string, status: Json | undefined): ApiError {
  const text = (key: string): string => (typeof status?.[key] === 'string' ? status[key] : '');
  const why = text('message') !== '' ? `: ${text('message')}` : text('reason') !== '' ? `: ${text('reason')}` : ' without explanation';
  const asked = status?.['code'];
  const code = typeof asked === 'number' && Number.isInteger(asked) && asked >= 400 && asked <= 599 ? asked : 400;
  // Any word is passed on, as kube-apiserver does.
  const reason = (/^[A-Za-z]{0,64}$/.test(text('reason')) ? text('reason') : '') as StatusReason;
  return new ApiError(reason, `admission webhook ${JSON.stringify(webhook)} denied the request${why}`.slice(0, 64 * 1024), detailsOf(status?.['details']), undefined, code);
}

function detailsOf(given: unknown): StatusDetails {
  if (typeof given !== 'object' || given === null) return {};
  const details = given as Json;
  const text = (key: 'name' | 'group' | 'kind' | 'uid'): StatusDetails => (typeof details[key] === 'string' ? { [key]: details[key] } : {});
  const causes = (Array.isArray(details['causes']) ? (details['causes'] as unknown[]) : []).slice(0, 100).flatMap((cause) => {
    if (typeof cause !== 'object' || cause === null) return [];
    const { reason, message, field } = cause as Json;
    return [{ ...(typeof reason === 'string' && { reason }), ...(typeof message === 'string' && { message }), ...(typeof field === 'string' && { field }) }];
  });
  return { ...text('name'), ...text('group'), ...text('kind'), ...text('uid'), ...(causes.length > 0 && { causes }) };
}

/** A webhook was not asked, or did not answer as it must: its failure policy decides what that means. */
export class CallFailure extends Error {
  override readonly name = 'CallFailure';

  constructor(webhook: string, why: string, cause?: unknown) {
    super(`failed calling webhook ${JSON.stringify(webhook)}: ${why}`, { cause });
  }
}

/** A failure inside, in Kubernetes' words. */
export const internal = (why: string, cause?: unknown): ApiError => new ApiError('InternalError', `Internal error occurred: ${why}`, { causes: [{ message: why }] }, cause);
