import type { Column } from '../kind.js';
import type { CertificateSigningRequest } from '../kinds/certificate-signing-request.js';
import { age, column, orNone } from './cells.js';
import { humanDuration } from './human-duration.js';

// pkg/printers/internalversion.

/** Columns of CertificateSigningRequests. */
export const certificateSigningRequestColumns: readonly Column<CertificateSigningRequest>[] = [
  age(),
  column('SignerName', ({ spec }) => orNone(spec.signerName)),
  column('Requestor', ({ spec }) => spec.username ?? ''),
  column('RequestedDuration', ({ spec: { expirationSeconds } }) => (expirationSeconds === undefined ? '<none>' : humanDuration(expirationSeconds * 1_000))),
  column('Condition', conditionOf),
];

function conditionOf({ status }: CertificateSigningRequest): string {
  const has = (type: string): boolean => status?.conditions?.some((condition) => condition.type === type) === true;
  const decided = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending';
  return [decided, ...(has('Failed') ? ['Failed'] : []), ...((status?.certificate ?? '') === '' ? [] : ['Issued'])].join(',');
}
