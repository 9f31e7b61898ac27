import { ApiError, CertificateSigningRequest, type Controller, equalJson, Node, type ReconcileContext, type ReconcileResult, systemIdentities, timeOfMillis, watching } from '@orrery/core';
import type { CertificateAuthority } from '../authority.js';
import { readRequest, type RequestedCertificate } from '../signing-request.js';
import { approvalOf, conditionOf, endOf, judge, type NodeAddresses, SIGNERS } from './signers.js';

/** What certificates are signed with. */
export interface SigningOptions {
  readonly authority: Pick<CertificateAuthority, 'sign'>;
  /** Signs the serving certificates of nodes. Default: the same; but who trusts it for the API server then trusts a node that says it were there. */
  readonly servingAuthority?: Pick<CertificateAuthority, 'sign'>;
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
      const nodes = setup.informer(Node).lister;
      const addresses: AddressesOf = (node) => nodes.get(node)?.status?.addresses;
      /** Those that wait for the node to say that it is there, and where. */
      const waiting = ({ metadata: { name } }: Node): string[] =>
        requests.list().flatMap(({ metadata, spec, status }) => (spec.signerName === SIGNERS.serving && spec.username === `${systemIdentities.nodeUser}${name}` && (status?.certificate ?? '') === '' ? (metadata.name ?? []) : []));
      return {
        watches: [watching<CertificateSigningRequest>({ kind: CertificateSigningRequest, keys: ({ metadata }, _old, deleted) => (deleted ? [] : [metadata.name ?? '']) }), watching<Node>({ kind: Node, keys: (node, old) => (old !== undefined && equalJson(node.status?.addresses, old.status?.addresses) ? [] : waiting(node)) })],
        reconcile: async (name, context) => {
          const request = requests.get(name);
          if (request === undefined || request.metadata.deletionTimestamp !== undefined) return;
          await step(request, options, addresses, context);
          return tidy(request, context);
        },
      };
    },
  };
}

/** What a node of that name says that it is reached by; undefined where there is none. */
type AddressesOf = (node: string) => NodeAddresses | undefined;

async function step(request: CertificateSigningRequest, { authority, servingAuthority = authority, maxDays }: SigningOptions, addresses: AddressesOf, context: ReconcileContext): Promise<void> {
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
    const why = approvalOf(request, wanted, addresses);
    if (why !== undefined) await decide(request, 'Approved', 'AutoApproved', why, context);
    return;
  }
  const signed = await (request.spec.signerName === SIGNERS.serving ? servingAuthority : authority).sign(pem, verdict.certificate);
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
