import { type Admission, type AdmissionRequest, ApiError, type Authorizer, CertificateSigningRequest, errorMessage, fieldError, systemIdentities } from '@orrery/core';
import { readRequest } from '../signing-request.js';
import { SIGNERS } from './signers.js';

/**
 * Checks wishes for certificates: that the request can be read and is signed by its own key, that nobody asks to be an administrator (CertificateSubjectRestriction), and that who approves or signs may do that for the signer
 * (the verbs `approve` and `sign` on `signers`; CertificateApproval, CertificateSigning).
 * @param authorizer who may do what; undefined: everybody who may write may decide
 */
export function certificateAdmission(authorizer: () => Authorizer | undefined): Admission {
  return {
    name: 'CertificateSigningRequest',
    handles: ({ kind, operation }) => kind.group === CertificateSigningRequest.group && kind.kind === CertificateSigningRequest.kind && operation !== 'DELETE',
    validate: async (request) => {
      if (request.operation === 'CREATE') return checkRequest(request.object as CertificateSigningRequest);
      const { subresource } = request.ref;
      if (subresource === 'approval') return mayDecide(request, 'approve', authorizer());
      if (subresource === 'status' && isSigning(request)) return mayDecide(request, 'sign', authorizer());
    },
  };
}

async function checkRequest({ metadata, spec }: CertificateSigningRequest): Promise<void> {
  const name = metadata.name ?? '';
  const wanted = await readRequest(Buffer.from(spec.request, 'base64').toString('latin1')).catch((error: unknown) => {
    throw ApiError.invalid(CertificateSigningRequest, name, [fieldError.invalid('spec.request', spec.request.slice(0, 100), errorMessage(error))]);
  });
  if (spec.signerName === SIGNERS.client && wanted.organizations.includes(systemIdentities.masters)) {
    throw forbidden(name, `use of ${spec.signerName} signer with ${systemIdentities.masters} group is not allowed`);
  }
}

function isSigning({ object, old }: AdmissionRequest): boolean {
  const certificate = (of: unknown): string => (of as CertificateSigningRequest).status?.certificate ?? '';
  return certificate(object) !== certificate(old);
}

async function mayDecide({ user, old }: AdmissionRequest, verb: 'approve' | 'sign', authorizer: Authorizer | undefined): Promise<void> {
  if (authorizer === undefined) return;
  const { metadata, spec: { signerName } } = old as CertificateSigningRequest;
  const [domain] = signerName.split('/');
  for (const name of [signerName, `${domain}/*`]) {
    const { allowed, denied } = await authorizer.authorize({ user, verb, ref: { group: CertificateSigningRequest.group, version: '*', resource: 'signers', name } });
    if (allowed && denied !== true) return;
  }
  throw forbidden(metadata.name ?? '', `user not permitted to ${verb} requests with signerName ${JSON.stringify(signerName)}`);
}

const forbidden = (name: string, why: string): ApiError =>
  new ApiError('Forbidden', `certificatesigningrequests.certificates.k8s.io ${JSON.stringify(name)} is forbidden: ${why}`, { name, group: CertificateSigningRequest.group, kind: 'certificatesigningrequests' });
