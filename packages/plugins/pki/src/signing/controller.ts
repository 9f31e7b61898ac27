import { ApiError, CertificateSigningRequest, type Controller, type ReconcileContext, type ReconcileResult, timeOfMillis, watching } from '@orrery/core';
import type { CertificateAuthority } from '../authority.js';
import { readRequest, type RequestedCertificate } from '../signing-request.js';
import { approvalOf, conditionOf, endOf, judge, SIGNERS } from './signers.js';

/** What certificates are signed with. */
export interface SigningOptions {
  readonly authority: Pick<CertificateAuthority, 'sign'>;
  /** Days a certificate is valid for at most. */
  readonly maxDays: number;
}

const OURS: ReadonlySet<string> = new Set(Object.values(SIGNERS));

/** Approves what needs nobody's word, signs what is approved, tells why it signs something not, and removes what is old. Wishes to other signers are only removed. */
export function signingController(options: SigningOptions): Controller {
  return {
    name: 'certificate-signing',
    start: (setup) => {
      const requests = setup.informer(CertificateSigningRequest).lister;
      return {
        watches: [watching<CertificateSigningRequest>({ kind: CertificateSigningRequest, keys: ({ metadata }, _old, deleted) => (deleted ? [] : [metadata.name ?? '']) })],
        reconcile: async (name, context) => {
          const request = requests.get(name);
          if (request === undefined || request.metadata.deletionTimestamp !== undefined) return;
          await step(request, options, context);
          return tidy(request, context);
        },
      };
    },
  };
}

async function step(request: CertificateSigningRequest, { authority, maxDays }: SigningOptions, context: ReconcileContext): Promise<void> {
  const { conditions, certificate = '' } = request.status ?? {};
  const isOver = certificate !== '' || conditionOf(conditions, 'Denied') !== undefined || conditionOf(conditions, 'Failed') !== undefined;
  if (isOver || !OURS.has(request.spec.signerName)) return;
  const pem = Buffer.from(request.spec.request, 'base64').toString('latin1');
  const wanted = await readable(pem);
  const verdict = wanted === undefined ? { refused: 'the request cannot be read, or is not signed by its own key' } : judge(request, wanted, maxDays);
  const isApproved = conditionOf(conditions, 'Approved') !== undefined;
  if (verdict === undefined) return;
  if (wanted === undefined || 'refused' in verdict) {
    if (isApproved) await decide(request, 'Failed', 'SignerValidationFailure', 'refused' in verdict ? verdict.refused : '', context);
    return;
  }
  if (!isApproved) {
    const why = approvalOf(request, wanted);
    if (why !== undefined) await decide(request, 'Approved', 'AutoApproved', why, context);
    return;
  }
  const signed = await authority.sign(pem, verdict.certificate);
  await written(context.client.kind(CertificateSigningRequest).updateStatus({ ...request, status: { ...request.status, certificate: Buffer.from(signed).toString('base64') } }));
}

async function readable(pem: string): Promise<RequestedCertificate | undefined> {
  try {
    return await readRequest(pem);
  } catch {
    // Why is told on the object, where the request is to be seen.
    return undefined;
  }
}

/** Approval has a subresource of its own; that something failed is a matter of the signer. */
async function decide(request: CertificateSigningRequest, type: 'Approved' | 'Failed', reason: string, message: string, { client, clock }: ReconcileContext): Promise<void> {
  const now = timeOfMillis(clock.now());
  const conditions = [...(request.status?.conditions ?? []), { type, status: 'True', reason, message, lastUpdateTime: now, lastTransitionTime: now }];
  const { name = '', resourceVersion } = request.metadata;
  const body = { metadata: { resourceVersion }, status: { conditions } };
  await written(client.kind(CertificateSigningRequest).patch({ name }, 'merge', body, { subresource: type === 'Approved' ? 'approval' : 'status' }));
}

/** Somebody else was quicker, or it is gone: the change is seen, and looked at again. */
async function written(writing: Promise<unknown>): Promise<void> {
  try {
    await writing;
  } catch (error) {
    if (!ApiError.is(error, 'Conflict') && !ApiError.is(error, 'NotFound')) throw error;
  }
}

async function tidy(request: CertificateSigningRequest, { client, clock }: ReconcileContext): Promise<ReconcileResult> {
  const leftMs = endOf(request) - clock.now();
  if (leftMs > 0) return { againAfterMs: leftMs };
  const { name = '', uid } = request.metadata;
  await written(client.kind(CertificateSigningRequest).delete({ name }, uid === undefined ? {} : { preconditions: { uid } }));
}
