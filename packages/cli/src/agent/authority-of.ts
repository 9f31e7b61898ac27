import { createHash, timingSafeEqual, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { connect, type DetailedPeerCertificate } from 'node:tls';
import { UsageError } from '../usage-error.js';

const TIMEOUT_MS = 10_000;
/** Certificates of a chain that are looked at. */
const LONGEST_CHAIN = 8;

/** How an authority is told from others: the hash of its public key, as kubeadm has it. `pem` is its certificate. */
export const hashOfAuthority = (pem: string): string => `sha256:${createHash('sha256').update(new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' })).digest('hex')}`;

/**
 * The certificate (PEM) of the authority of a server, told by its hash: of the chain that the server shows, the one certificate whose key has that hash and that the others lead to. Nothing is sent to the server before.
 * Throws `UsageError` when there is none: then it is another server, or the hash is wrong.
 */
export async function authorityOf(server: string, wanted: string): Promise<string> {
  const { hostname, port } = new URL(server);
  const host = hostname.replace(/^\[|\]$/g, '');
  const chain = await chainOf(host, Number(port === '' ? 443 : port));
  const found = chain.findIndex((certificate) => isSame(hashOfAuthority(certificate.toString()), wanted));
  const leads = chain.slice(0, Math.max(0, found)).every((certificate, i) => certificate.verify((chain[i + 1] as X509Certificate).publicKey));
  if (found < 0 || !leads || chain[found]?.ca !== true) throw new UsageError(`--ca-hash: the server at ${server} shows no authority with this hash; it may be another server than you mean`);
  return (chain[found] as X509Certificate).toString();
}

function chainOf(host: string, port: number): Promise<readonly X509Certificate[]> {
  return new Promise((resolve, reject) => {
    // Whom the server is to be trusted by is what is asked for; nothing is written on this connection.
    const socket = connect({ host, port, rejectUnauthorized: false, timeout: TIMEOUT_MS, ...(isIP(host) === 0 && { servername: host }) });
    const failed = (why: string): void => {
      socket.destroy();
      reject(new UsageError(`--join: the server at ${host}:${port} cannot be reached: ${why}`));
    };
    socket.once('timeout', () => failed('it does not answer')).once('error', (error) => failed(error.message));
    socket.once('secureConnect', () => {
      const chain: X509Certificate[] = [];
      let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
      while (next?.raw !== undefined && chain.length < LONGEST_CHAIN) {
        chain.push(new X509Certificate(next.raw));
        // A root is its own issuer.
        next = next.issuerCertificate === next ? undefined : next.issuerCertificate;
      }
      socket.destroy();
      resolve(chain);
    });
  });
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other.toLowerCase())];
  return a.length === b.length && timingSafeEqual(a, b);
}
