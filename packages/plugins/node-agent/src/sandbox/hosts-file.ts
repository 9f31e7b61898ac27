import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Container, Pod } from '@orrery/core';
import type { PodHostname } from './hostname.js';

const LOCAL = ['127.0.0.1\tlocalhost', '::1\tlocalhost ip6-localhost ip6-loopback', 'fe00::0\tip6-localnet', 'fe00::0\tip6-mcastprefix', 'fe00::1\tip6-allnodes', 'fe00::2\tip6-allrouters'];
const HOST_FILE = '/etc/hosts';

/**
 * What /etc/hosts of a pod says (kubelet managedHostsFileContent, nodeHostsFileContent). Pure.
 * @param host the host's own file, for a pod on its network; undefined for one with addresses of its own
 */
export function hostsFileContent(pod: Pod, podIPs: readonly string[], { hostname, domain }: PodHostname, host?: string): string {
  const lines =
    host === undefined
      ? ['# Kubernetes-managed hosts file.', ...LOCAL, ...podIPs.map((ip) => (domain === '' ? `${ip}\t${hostname}` : `${ip}\t${hostname}.${domain}\t${hostname}`))]
      : ['# Kubernetes-managed hosts file (host network).', ...(host === '' ? [] : [host.replace(/\n$/, '')])];
  const aliases = pod.spec.hostAliases ?? [];
  const added = aliases.length === 0 ? [] : ['', '# Entries added by HostAliases.', ...aliases.map(({ ip, hostnames = [] }) => [ip, ...hostnames].join('\t'))];
  return `${[...lines, ...added].join('\n')}\n`;
}

/** Whether the agent's file is shown to a container: not when it brings its own. Pure. */
export const wantsHostsFile = ({ volumeMounts = [] }: Container): boolean => !volumeMounts.some(({ mountPath }) => mountPath.replace(/\/+$/, '') === HOST_FILE);

/**
 * Writes the file of a pod in one step. Safe to repeat: a file that says the same stays, so that what is mounted already goes on being it.
 * @param writer tells those apart who write it at the same time
 */
export async function writeHostsFile(path: string, pod: Pod, podIPs: readonly string[], name: PodHostname, writer: string): Promise<void> {
  const host = pod.spec.hostNetwork === true ? await readFile(HOST_FILE, 'utf8').catch(missing) : undefined;
  const content = hostsFileContent(pod, podIPs, name, host);
  if ((await readFile(path, 'utf8').catch(missing)) === content) return;
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const fresh = `${path}.${writer}.new`;
  await writeFile(fresh, content, { mode: 0o644 });
  await rename(fresh, path);
}

function missing(error: NodeJS.ErrnoException): string {
  if (error.code !== 'ENOENT') throw error;
  return '';
}
