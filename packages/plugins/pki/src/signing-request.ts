import { webcrypto } from 'node:crypto';
import { OrreryError } from '@orrery/core';

/** Longest request that is looked at, in characters of PEM. */
const LONGEST = 16_384;

/** What somebody wants to have certified. */
export interface RequestedCertificate {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  /** Names of other kinds (addresses of mail, URIs), as `type:value`. */
  readonly otherNames: readonly string[];
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
}

/** Reads a request (PKCS#10, PEM). Throws `INVALID` when it is malformed, too long, or not signed by its own key. */
export async function readRequest(pem: string): Promise<RequestedCertificate> {
  if (pem.length > LONGEST) throw new OrreryError('INVALID', `The signing request is longer than ${LONGEST} characters.`);
  const x509 = await import('@peculiar/x509');
  try {
    const request = new x509.Pkcs10CertificateRequest(pem);
    if (!(await request.verify())) throw new OrreryError('INVALID', 'The signing request is not signed by its own key.');
    const values = (type: string): string[] => request.subjectName.toJSON().flatMap((attribute) => attribute[type] ?? []);
    const alternative = request.extensions.find((one) => one instanceof x509.SubjectAlternativeNameExtension);
    const names = alternative?.names.items ?? [];
    const ofType = (type: string): string[] => names.filter((name) => name.type === type).map((name) => name.value);
    return {
      commonName: values('CN')[0] ?? '',
      organizations: values('O'),
      dnsNames: ofType('dns'),
      ipAddresses: ofType('ip'),
      otherNames: names.filter(({ type }) => type !== 'dns' && type !== 'ip').map(({ type, value }) => `${type}:${value}`),
      publicKey: new Uint8Array(request.publicKey.rawData),
    };
  } catch (cause) {
    if (OrreryError.is(cause)) throw cause;
    throw new OrreryError('INVALID', 'The signing request cannot be read.', {}, cause);
  }
}

/** A new key and a request for a certificate of it (PKCS#10, PEM). */
export async function makeRequest({ commonName, organizations = [], dnsNames = [], ipAddresses = [] }: {
  readonly commonName: string;
  readonly organizations?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
}): Promise<{ readonly key: string; readonly request: string }> {
  const x509 = await import('@peculiar/x509');
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const names = [...dnsNames.map((value) => ({ type: 'dns' as const, value })), ...ipAddresses.map((value) => ({ type: 'ip' as const, value }))];
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [...organizations.map((name) => ({ O: [name] })), { CN: [commonName] }],
    keys,
    signingAlgorithm: algorithm,
    extensions: names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)],
  });
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const key = `-----BEGIN PRIVATE KEY-----\n${der.toString('base64').replace(/(.{64})(?=.)/g, '$1\n')}\n-----END PRIVATE KEY-----\n`;
  return { key, request: `${request.toString('pem')}\n` };
}
