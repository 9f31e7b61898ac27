import { BlockList, isIP } from 'node:net';
import type { CertificateSigningRequest, CertificateSigningRequestCondition } from '@orrery/core';
import { systemIdentities } from '@orrery/core';
import type { Certificate } from '../authority.js';
import type { RequestedCertificate } from '../signing-request.js';

// What Kubernetes' own signers certify (pkg/apis/certificates/helpers.go, pkg/controller/certificates/signer). Pure.

/** The signers that are served. */
export const SIGNERS = {
  client: 'kubernetes.io/kube-apiserver-client',
  node: 'kubernetes.io/kube-apiserver-client-kubelet',
  serving: 'kubernetes.io/kubelet-serving',
} as const;

const DAY_SECONDS = 86_400;
const isNode = ({ commonName, organizations }: RequestedCertificate): boolean =>
  organizations.length === 1 && organizations[0] === systemIdentities.nodes && commonName.startsWith(systemIdentities.nodeUser) && commonName.length > systemIdentities.nodeUser.length;

/** A certificate as a signer makes it, or why it does not; undefined: the signer is somebody else. */
export function judge({ spec }: CertificateSigningRequest, wanted: RequestedCertificate, maxDays: number): { readonly certificate: Certificate } | { readonly refused: string } | undefined {
  const { usages = [], expirationSeconds, signerName } = spec;
  const isOnly = (needed: string): boolean => usages.includes(needed) && usages.every((usage) => usage === needed || usage === 'digital signature' || usage === 'key encipherment');
  const subject = { commonName: wanted.commonName, organizations: wanted.organizations };
  const days = Math.min(maxDays, (expirationSeconds ?? maxDays * DAY_SECONDS) / DAY_SECONDS);
  const hasNames = wanted.dnsNames.length + wanted.ipAddresses.length > 0;
  switch (signerName) {
    case SIGNERS.client:
      if (!isOnly('client auth')) return { refused: 'usages must be "client auth", and besides "digital signature" and "key encipherment" only' };
      if (wanted.commonName === '') return { refused: 'the subject has no common name' };
      if (wanted.organizations.includes(systemIdentities.masters)) return { refused: `the organization ${systemIdentities.masters} is not certified` };
      return { certificate: { subject, usages: ['client'], days } };
    case SIGNERS.node:
      if (!isNode(wanted)) return { refused: 'the subject must be a node: organization system:nodes, common name system:node:NAME' };
      if (hasNames || wanted.otherNames.length > 0) return { refused: 'subject alternative names are not allowed' };
      if (!isOnly('client auth') || !usages.includes('digital signature')) return { refused: 'usages must be "client auth" and "digital signature", and besides "key encipherment" only' };
      return { certificate: { subject, usages: ['client'], days } };
    case SIGNERS.serving:
      if (!isNode(wanted)) return { refused: 'the subject must be a node: organization system:nodes, common name system:node:NAME' };
      if (spec.username !== wanted.commonName) return { refused: 'the subject must be the node that asks' };
      if (!hasNames || wanted.otherNames.length > 0) return { refused: 'at least one DNS name or IP address is needed, and no other names' };
      if (!isOnly('server auth') || !usages.includes('digital signature')) return { refused: 'usages must be "server auth" and "digital signature", and besides "key encipherment" only' };
      return { certificate: { subject, usages: ['server'], dnsNames: wanted.dnsNames, ipAddresses: wanted.ipAddresses, days } };
    default:
      return undefined;
  }
}

/** The group of who has a bootstrap token. */
export const BOOTSTRAPPERS = 'system:bootstrappers';

/** What a node says that it is reached by. */
export type NodeAddresses = readonly { readonly type: string; readonly address: string }[];

/**
 * Why a wish is approved by itself; undefined: somebody has to. A client certificate of a node is, for who joins by a bootstrap token, and for the node itself (csrapproving's nodeclient and selfnodeclient).
 * Its serving certificate is, for the node itself, when all names and addresses in it are those of its Node object: Kubernetes leaves that to an approver of the user's. Only for wishes that are certified at all.
 * @param addresses of the Node of a name; undefined where there is none
 */
export function approvalOf({ spec: { signerName, username, groups = [] } }: CertificateSigningRequest, wanted: RequestedCertificate, addresses: (node: string) => NodeAddresses | undefined): string | undefined {
  const { commonName } = wanted;
  if (signerName === SIGNERS.serving) {
    const own = username === commonName && groups.includes(systemIdentities.nodes) ? addresses(commonName.slice(systemIdentities.nodeUser.length)) : undefined;
    return own !== undefined && areOf(own, wanted) ? 'Auto approving kubelet serving certificate: the node asks for its own names and addresses.' : undefined;
  }
  if (signerName !== SIGNERS.node) return undefined;
  if (username === commonName && groups.includes(systemIdentities.nodes)) return 'Auto approving self kubelet client certificate: the node asks for itself.';
  return groups.includes(BOOTSTRAPPERS) ? 'Auto approving kubelet client certificate: asked with a bootstrap token.' : undefined;
}

/** Whether all that is asked for is the node's. Addresses are compared as they are meant: there are several ways of writing one. */
function areOf(own: NodeAddresses, { dnsNames, ipAddresses }: RequestedCertificate): boolean {
  const known = new BlockList();
  for (const { address } of own) if (isIP(address) !== 0) known.addAddress(address, familyOf(address));
  const names = new Set(own.filter(({ address }) => isIP(address) === 0).map(({ address }) => address));
  return dnsNames.every((name) => names.has(name)) && ipAddresses.every((address) => isIP(address) !== 0 && known.check(address, familyOf(address)));
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 4 ? 'ipv4' : 'ipv6');

const HOUR_MS = 3_600_000;
/** How long a wish is kept after it was decided, and while it is not (pkg/controller/certificates/cleaner). */
const KEPT_MS = { decided: HOUR_MS, pending: 24 * HOUR_MS } as const;

/** When a wish is old enough to go, milliseconds since the epoch. */
export function endOf({ metadata, status }: CertificateSigningRequest): number {
  const made = Date.parse(metadata.creationTimestamp ?? '');
  const ended = conditionOf(status?.conditions, 'Denied') ?? conditionOf(status?.conditions, 'Failed') ?? ((status?.certificate ?? '') === '' ? undefined : conditionOf(status?.conditions, 'Approved'));
  if (ended === undefined) return made + KEPT_MS.pending;
  return (Date.parse(ended.lastUpdateTime ?? ended.lastTransitionTime ?? '') || made) + KEPT_MS.decided;
}

/** The condition of that type. */
export const conditionOf = (conditions: readonly CertificateSigningRequestCondition[] | undefined, type: string): CertificateSigningRequestCondition | undefined => conditions?.find((condition) => condition.type === type);
