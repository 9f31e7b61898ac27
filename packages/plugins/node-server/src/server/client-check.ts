import type { PeerCertificate } from 'node:tls';
import { ApiError } from '@orrery/core';

/**
 * Lets in whom a certificate of the cluster's authority, which the connection has checked, puts into one of the groups. Throws Forbidden, in the kubelet's words.
 * Two common names could mean different users to different readers: they are nobody's.
 */
export function checkClient(certificate: PeerCertificate | null, groups: readonly string[], method: string, path: string): void {
  const { CN, O = [] } = (certificate?.subject ?? {}) as { readonly CN?: string | readonly string[]; readonly O?: string | readonly string[] };
  const own: readonly string[] = typeof O === 'string' ? [O] : O;
  if (typeof CN === 'string' && CN !== '' && own.some((group) => groups.includes(group))) return;
  const user = typeof CN === 'string' ? CN : '';
  throw new ApiError('Forbidden', `Forbidden (user=${user}, verb=${method === 'POST' ? 'create' : 'get'}, resource=nodes, subresource=proxy, path=${path.slice(0, 200)})`);
}
