import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { dirname, join } from 'node:path';
import type { Clock, Random } from '@orrery/core';
import { CertificateAuthority, type KeyPair, kubeconfigOf } from '@orrery/pki';
import { UsageError } from '../usage-error.js';

const NAME = 'orrery';

/** How clients reach the API and are known by it. */
export interface Access {
  readonly authority: CertificateAuthority;
  readonly serving: KeyPair;
}

/** The authority in the data folder, and a certificate of it for the server's names. */
export async function openAccess(data: string, host: string, names: readonly string[], { clock, random }: { readonly clock: Clock; readonly random: Random }): Promise<Access> {
  const authority = await CertificateAuthority.open({ clock, random, file: join(data, 'pki', 'ca.pem') });
  const all = [...new Set([host, 'localhost', '127.0.0.1', '::1', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc', ...names])].filter((name) => name !== '0.0.0.0' && name !== '::');
  const serving = await authority.issue({ subject: { commonName: 'orrery' }, usages: ['server'], dnsNames: all.filter((name) => isIP(name) === 0), ipAddresses: all.filter((name) => isIP(name) !== 0) });
  // With the authority in the chain a machine that joins can tell it by its hash.
  return { authority, serving: { key: serving.key, cert: serving.cert + authority.certificate } };
}

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
