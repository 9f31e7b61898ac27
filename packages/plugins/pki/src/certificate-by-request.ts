import { type CertifiedKey, CertificateSigningRequest, type Client, type Clock, OrreryError } from '@orrery/core';
import { makeRequest } from './signing-request.js';

/** Whom a certificate is asked for, and how. */
export interface WantedCertificate {
  readonly client: Client;
  readonly clock: Clock;
  /** Who is to sign, e.g. `kubernetes.io/kubelet-serving`. */
  readonly signerName: string;
  readonly usages: readonly string[];
  readonly commonName: string;
  readonly organizations?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  /** How long it is to be good for; the signer may shorten it. */
  readonly expirationSeconds?: number;
  /** The request is called so, with a suffix; at most 40 characters count. */
  readonly prefix: string;
  /** How long the signature is waited for, milliseconds; default a minute. */
  readonly waitMs?: number;
}

const WAIT_MS = 60_000;
const LOOK_MS = 250;

/** A new key with a certificate for it, by a CertificateSigningRequest. Throws `INVALID` when that is refused, `TIMEOUT` when nobody signs it in time, `ABORTED`, and what the client throws. */
export async function certificateByRequest(wanted: WantedCertificate, signal: AbortSignal): Promise<CertifiedKey> {
  const { client, signerName, usages, expirationSeconds, prefix } = wanted;
  const { key, request } = await makeRequest(wanted);
  const spec = { request: Buffer.from(request).toString('base64'), signerName, usages: [...usages], ...(expirationSeconds !== undefined && { expirationSeconds }) };
  const made = await client.kind(CertificateSigningRequest).create({ apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest', metadata: { generateName: `${prefix.slice(0, 40)}-` }, spec } as CertificateSigningRequest);
  return { key, cert: await signed(wanted, made.metadata.name ?? '', signal) };
}

async function signed({ client, clock, waitMs = WAIT_MS }: WantedCertificate, name: string, signal: AbortSignal): Promise<string> {
  const until = clock.monotonic() + waitMs;
  while (clock.monotonic() < until) {
    const { status } = await client.kind(CertificateSigningRequest).get({ name });
    const refused = status?.conditions?.find(({ type }) => type === 'Denied' || type === 'Failed');
    if (refused !== undefined) throw new OrreryError('INVALID', `the request ${name} for a certificate was refused: ${refused.message ?? refused.reason ?? refused.type}`);
    if (status?.certificate !== undefined && status.certificate !== '') return Buffer.from(status.certificate, 'base64').toString('utf8');
    await clock.sleep(LOOK_MS, signal);
  }
  throw new OrreryError('TIMEOUT', `The request ${name} for a certificate was not signed within ${waitMs / 1000} s; approve it with \`kubectl certificate approve ${name}\` and try again.`);
}
