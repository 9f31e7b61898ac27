import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type Clock, OrreryError } from '@orrery/core';
import type { Connection } from './connection.js';
import { connectionOf } from './kubeconfig.js';
import { tokenFromFile } from './tokens.js';

/** What says where the API is. */
export interface ConnectionSources {
  /** The file; default: see {@link findConnection}. */
  readonly kubeconfig?: string | undefined;
  /** Default: the current context. */
  readonly context?: string | undefined;
  readonly clock: Clock;
  /** Default: that of the process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Where a pod finds the credentials of its service account; default: where Kubernetes puts them. */
  readonly serviceAccountFolder?: string;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * The connection to the cluster that is meant, in kubectl's order: by the file that is named; by those in `KUBECONFIG`; by `~/.kube/config`; in a pod by its service account, whose token is read again as it
 * is exchanged. Throws `INVALID` when there is none of them, or one that cannot be used.
 */
export async function findConnection({ kubeconfig, context, clock, environment = process.env, serviceAccountFolder = SERVICE_ACCOUNT }: ConnectionSources): Promise<Connection> {
  if (kubeconfig !== undefined) return connectionOf([kubeconfig], { clock, context });
  const listed = (environment['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  // As kubectl does: files of the list that are not there are passed over, as long as one is.
  const present = listed.filter((file) => existsSync(file));
  if (listed.length > 0) return connectionOf(present.length > 0 ? present : listed, { clock, context });
  const usual = join(environment['HOME'] ?? homedir(), '.kube', 'config');
  if (existsSync(usual)) return connectionOf([usual], { clock, context });
  const host = environment['KUBERNETES_SERVICE_HOST'];
  if (host === undefined || host === '') throw new OrreryError('INVALID', `No cluster is named: give a kubeconfig, set KUBECONFIG, or put one at ${usual}. (This is no pod either: KUBERNETES_SERVICE_HOST is not set.)`);
  return inCluster(host, environment['KUBERNETES_SERVICE_PORT'] ?? '443', serviceAccountFolder, clock);
}

async function inCluster(host: string, port: string, folder: string, clock: Clock): Promise<Connection> {
  const token = tokenFromFile(join(folder, 'token'), clock);
  try {
    await token.read();
    const [ca, namespace] = await Promise.all([readFile(join(folder, 'ca.crt'), 'utf8'), readFile(join(folder, 'namespace'), 'utf8').catch(() => '')]);
    return { server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`, tls: { ca }, token, ...(namespace.trim() !== '' && { namespace: namespace.trim() }) };
  } catch (cause) {
    throw new OrreryError('INVALID', `The service account of this pod cannot be used (${folder}): ${(cause as Error).message}`, { folder }, cause);
  }
}
