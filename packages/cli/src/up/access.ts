import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { dirname, join } from 'node:path';
import { FRONT_PROXY_NAME } from '@orrery/aggregation';
import { type CertifiedKey, type Clock, definePlugin, type Logger, type Plugin, type Random } from '@orrery/core';
import { CertificateAuthority, kubeconfigOf, RenewedCertificate } from '@orrery/pki';
import { UsageError } from '../usage-error.js';

const NAME = 'orrery';

/** How clients reach the API and are known by it. */
export interface Access {
  readonly authority: CertificateAuthority;
  /** Signs the serving certificates of nodes: one of its own, so that none of them can answer in the server's place. */
  readonly nodeAuthority: CertificateAuthority;
  /** What clients see. */
  readonly serving: Fresh;
  /** What the server shows to nodes. */
  readonly nodeClient: Fresh;
  /** Signs what the server shows to API servers behind it: one of its own, so that no other certificate lets anybody tell them who asks. */
  readonly frontAuthority: CertificateAuthority;
  readonly frontProxy: Fresh;
}

/** One that is there from the beginning. */
type Fresh = Omit<RenewedCertificate, 'current'> & { current(): CertifiedKey };

/** What access is made from. */
export interface AccessOptions {
  /** The data folder. */
  readonly data: string;
  readonly host: string;
  /** More names and addresses of the server. */
  readonly names: readonly string[];
  /** How long certificates are good. */
  readonly days: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** The authorities in the data folder, and certificates of them for the server's names and for its way to nodes. */
export async function openAccess({ data, host, names, days, clock, random, log }: AccessOptions): Promise<Access> {
  const authority = await CertificateAuthority.open({ clock, random, file: join(data, 'pki', 'ca.pem') });
  const nodeAuthority = await CertificateAuthority.open({ clock, random, file: join(data, 'pki', 'node-ca.pem'), name: 'orrery-node-ca' });
  const frontAuthority = await CertificateAuthority.open({ clock, random, file: join(data, 'pki', 'front-proxy-ca.pem'), name: 'orrery-front-proxy-ca' });
  const front = (): Promise<CertifiedKey> => frontAuthority.issue({ subject: { commonName: FRONT_PROXY_NAME }, usages: ['client'], days });
  const all = [...new Set([host, 'localhost', '127.0.0.1', '::1', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc', ...names])].filter((name) => name !== '0.0.0.0' && name !== '::');
  const serve = async (): Promise<CertifiedKey> => {
    const { key, cert } = await authority.issue({ subject: { commonName: 'orrery' }, usages: ['server'], dnsNames: all.filter((name) => isIP(name) === 0), ipAddresses: all.filter((name) => isIP(name) !== 0), days });
    // With the authority in the chain a machine that joins can tell it by its hash.
    return { key, cert: cert + authority.certificate };
  };
  // As kubeadm calls it. Only who has the authority can certify that group: no request for a certificate is signed for it.
  const dial = (): Promise<CertifiedKey> => authority.issue({ subject: { commonName: 'kube-apiserver-kubelet-client', organizations: ['system:masters'] }, usages: ['client'], days });
  const fresh = async (name: string, obtain: () => Promise<CertifiedKey>): Promise<Fresh> => new RenewedCertificate({ name, obtain, known: await obtain(), clock, random, log }) as Fresh;
  return { authority, nodeAuthority, serving: await fresh('server', serve), nodeClient: await fresh('client of nodes', dial), frontAuthority, frontProxy: await fresh('front proxy', front) };
}

/** Keeps the certificates fresh. */
export const freshCertificates = ({ serving, nodeClient, frontProxy }: Access): Plugin =>
  definePlugin({
    name: 'fresh-certificates',
    setup: ({ run }) =>
      run(() => ({
        name: 'certificates of the server',
        phase: 'server',
        run: async (signal, ready) => {
          ready();
          await Promise.all([serving.run(signal), nodeClient.run(signal), frontProxy.run(signal)]);
        },
      })),
  })();

/**
 * Writes the administrator's kubeconfig: he is in `system:masters` by a certificate of his own. Throws `UsageError` when the file is somebody else's: has another cluster or context than ours.
 */
export async function writeKubeconfig(file: string, server: string, authority: CertificateAuthority): Promise<void> {
  if (!(await isOurs(file))) throw new UsageError(`--kubeconfig ${file}: the file is there and has other clusters in it; name another file, and use both with KUBECONFIG=A:B`);
  const user = await authority.issue({ subject: { commonName: 'orrery-admin', organizations: ['system:masters'] }, usages: ['client'] });
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(file, kubeconfigOf({ server, authority: authority.certificate, user, name: NAME }), { mode: 0o600 });
  // One that was there keeps its mode otherwise.
  await chmod(file, 0o600);
}

async function isOurs(file: string): Promise<boolean> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw error;
  }
  if (text.trim() === '') return true;
  try {
    const { clusters } = JSON.parse(text) as { readonly clusters?: readonly { readonly name?: string }[] };
    return clusters?.length === 1 && clusters[0]?.name === NAME;
  } catch {
    // Ours are JSON.
    return false;
  }
}
