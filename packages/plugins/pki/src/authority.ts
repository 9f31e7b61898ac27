import { createPrivateKey, generateKeyPairSync, type KeyObject, webcrypto, X509Certificate } from 'node:crypto';
import { type Clock, OrreryError, type Random } from '@orrery/core';
import { readOrMake } from './authority-file.js';
import { type RequestedCertificate, readRequest } from './signing-request.js';

const DAY_MS = 86_400_000;
/** Ten years, as kubeadm's. */
const AUTHORITY_DAYS = 3_650;
const DEFAULT_DAYS = 365;
/** Clocks of other machines may be behind. */
const BACKDATED_MS = 5 * 60_000;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const [SERVER_AUTH, CLIENT_AUTH] = ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'];

/** Whom a certificate is for. In client certificates the common name is the user, and the organizations are its groups. */
export interface Subject {
  readonly commonName: string;
  readonly organizations?: readonly string[];
}

/** What a certificate is to say. */
export interface Certificate {
  readonly subject: Subject;
  /** What it proves: a server to its clients, a client to servers, or both. */
  readonly usages: readonly ('server' | 'client')[];
  /** Names and addresses of a server. */
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  /** Days it is valid for; default 365. Never longer than the authority itself. */
  readonly days?: number;
}

/** A private key with its certificate, as PEM. */
export interface KeyPair {
  readonly key: string;
  readonly cert: string;
}

/** Where an authority lives. */
export interface AuthorityOptions {
  readonly clock: Clock;
  /** Where serial numbers come from. Keys are made by the platform. */
  readonly random: Random;
  /** The file that keeps key and certificate, made with mode 0600 where there is none. Absent: an authority that ends with the process. */
  readonly file?: string;
  /** Name of a new one; default `orrery-ca`. */
  readonly name?: string;
}

/**
 * A certificate authority: one key (ECDSA P-256), which signs certificates for servers and clients. Keys come from
 * the platform's source of secrets, never from a seeded one.
 */
export class CertificateAuthority {
  readonly #key: KeyObject;

  private constructor(
    /** Its own certificate, as PEM: what others trust. */
    readonly certificate: string,
    key: string,
    private readonly clock: Clock,
    private readonly random: Random,
  ) {
    this.#key = createPrivateKey(key);
  }

  /**
   * The authority in a file, which is made when it is not there; of several processes that make one at once all get the same. Throws `INVALID` for a file that others may read or that holds
   * no pair of key and certificate, or an expired one.
   */
  static async open({ clock, random, file, name = 'orrery-ca' }: AuthorityOptions): Promise<CertificateAuthority> {
    const make = (): Promise<KeyPair> => selfSigned(name, clock.now(), random);
    const { key, cert } = file === undefined ? await make() : await readOrMake(file, make, random);
    const parsed = new X509Certificate(cert);
    if (Date.parse(parsed.validTo) <= clock.now()) throw new OrreryError('INVALID', `The certificate authority${file === undefined ? '' : ` in ${file}`} has expired; remove the file to make a new one, which clients have to trust anew.`);
    return new CertificateAuthority(cert, key, clock, random);
  }

  /** A new key with a certificate for it. */
  async issue(certificate: Certificate): Promise<KeyPair> {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const cert = await this.#certify(publicKey.export({ type: 'spki', format: 'der' }), certificate);
    return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), cert };
  }

  /**
   * Signs a request (PKCS#10, PEM) as `certificate` has it: what the request says of itself is for the caller to judge (`readRequest`) and to repeat here. Throws `INVALID` for a request
   * that is malformed or not signed by its own key.
   */
  async sign(request: string, certificate: Certificate): Promise<string> {
    const { publicKey }: RequestedCertificate = await readRequest(request);
    return this.#certify(publicKey, certificate);
  }

  async #certify(publicKey: Uint8Array, { subject, usages, dnsNames = [], ipAddresses = [], days = DEFAULT_DAYS }: Certificate): Promise<string> {
    const x509 = await import('@peculiar/x509');
    const own = new x509.X509Certificate(this.certificate);
    const now = this.clock.now();
    const names = [...dnsNames.map((value) => ({ type: 'dns' as const, value })), ...ipAddresses.map((value) => ({ type: 'ip' as const, value }))];
    const made = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(this.random),
      subject: nameOf(subject),
      issuer: own.subjectName.toJSON(),
      notBefore: new Date(Math.max(now - BACKDATED_MS, own.notBefore.getTime())),
      notAfter: new Date(Math.min(now + days * DAY_MS, own.notAfter.getTime())),
      signingAlgorithm: ALGORITHM,
      publicKey,
      signingKey: await privateKeyOf(this.#key),
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension(usages.map((usage) => (usage === 'server' ? SERVER_AUTH : CLIENT_AUTH))),
        await x509.AuthorityKeyIdentifierExtension.create(own.publicKey),
        ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
      ],
    });
    return `${made.toString('pem')}\n`;
  }
}

async function selfSigned(name: string, now: number, random: Random): Promise<KeyPair> {
  const x509 = await import('@peculiar/x509');
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const subject = nameOf({ commonName: name });
  const cert = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(random),
    subject,
    issuer: subject,
    notBefore: new Date(now - BACKDATED_MS),
    notAfter: new Date(now + AUTHORITY_DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    publicKey: spki,
    signingKey: await privateKeyOf(privateKey),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature, true),
      await x509.SubjectKeyIdentifierExtension.create(new x509.PublicKey(spki)),
    ],
  });
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), cert: `${cert.toString('pem')}\n` };
}

/** As attributes, never as text, in which a comma would begin another one. */
const nameOf = ({ commonName, organizations = [] }: Subject): Record<string, string[]>[] => [...organizations.map((name) => ({ O: [name] })), { CN: [commonName] }];

/** Positive, with 126 bits of chance. */
function serialNumber(random: Random): string {
  const bytes = random.bytes(16);
  bytes[0] = ((bytes[0] as number) & 0x3f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

const privateKeyOf = (key: KeyObject): Promise<webcrypto.CryptoKey> => webcrypto.subtle.importKey('pkcs8', key.export({ type: 'pkcs8', format: 'der' }), ALGORITHM, false, ['sign']);
