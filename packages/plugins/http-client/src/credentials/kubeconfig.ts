import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Clock, OrreryError, readDocument, type UserInfo } from '@orrery/core';
import { z } from 'zod';
import type { Connection } from './connection.js';
import { fixedToken, tokenFromFile } from './tokens.js';

const text = z.string().nullish().transform((value) => (value === null || value === '' ? undefined : value));
const flag = z.boolean().nullish().transform((value) => value === true);

const cluster = z.looseObject({
  server: z.string(),
  'certificate-authority': text,
  'certificate-authority-data': text,
  'insecure-skip-tls-verify': flag,
  'tls-server-name': text,
  'proxy-url': text,
});
const user = z.looseObject({
  token: text,
  tokenFile: text,
  'client-certificate': text,
  'client-certificate-data': text,
  'client-key': text,
  'client-key-data': text,
  username: text,
  exec: z.unknown().optional(),
  'auth-provider': z.unknown().optional(),
  as: text,
  'as-uid': text,
  'as-groups': z.array(z.string()).nullish(),
  'as-user-extra': z.record(z.string(), z.array(z.string())).nullish(),
});
const context = z.looseObject({ cluster: z.string(), user: text, namespace: text });
const list = <T extends z.ZodType, K extends string>(key: K, value: T) => z.array(z.looseObject({ name: z.string(), [key]: value } as { name: z.ZodString } & Record<K, T>)).nullish();
const config = z.looseObject({ clusters: list('cluster', cluster), users: list('user', user), contexts: list('context', context), 'current-context': text });

type Cluster = z.output<typeof cluster>;
type User = z.output<typeof user>;

/** Something of a kubeconfig, and the file it stands in: paths are relative to that. */
interface From<T> {
  readonly value: T;
  readonly file: string;
}

/** Several kubeconfigs as one: of what has the same name the first counts, as does the first current context. */
interface Merged {
  readonly clusters: ReadonlyMap<string, From<Cluster>>;
  readonly users: ReadonlyMap<string, From<User>>;
  readonly contexts: ReadonlyMap<string, From<z.output<typeof context>>>;
  readonly current: string | undefined;
}

/** What reading kubeconfigs needs. */
export interface KubeconfigReading {
  readonly clock: Clock;
  /** Default: the current context. */
  readonly context?: string | undefined;
}

/**
 * The connection that kubeconfig files describe together, as `KUBECONFIG` lists them. Throws `INVALID` naming file and field for what is malformed, missing, or not supported: credentials made by running
 * a program (`exec`, `auth-provider`), passwords, proxies.
 */
export async function connectionOf(files: readonly string[], { clock, context: wanted }: KubeconfigReading): Promise<Connection> {
  const merged = merge(await Promise.all(files.map(async (file) => ({ file, value: await readConfig(file) }))));
  const where = files.join(', ');
  const name = wanted ?? merged.current;
  if (name === undefined) throw invalid(where, 'it names no current-context; name one');
  const chosen = merged.contexts.get(name);
  if (chosen === undefined) throw invalid(where, `there is no context ${JSON.stringify(name)}; there are: ${[...merged.contexts.keys()].join(', ') || 'none'}`);
  const { cluster: clusterName, user: userName, namespace } = chosen.value;
  const foundCluster = merged.clusters.get(clusterName);
  if (foundCluster === undefined) throw invalid(chosen.file, `the context ${JSON.stringify(name)} names the cluster ${JSON.stringify(clusterName)}, which is not there`);
  const foundUser = userName === undefined ? undefined : merged.users.get(userName);
  if (userName !== undefined && foundUser === undefined) throw invalid(chosen.file, `the context ${JSON.stringify(name)} names the user ${JSON.stringify(userName)}, who is not there`);
  const trust = await trustOf(foundCluster);
  const who = foundUser === undefined ? { tls: {} } : await credentialsOf(foundUser, clock);
  return { server: foundCluster.value.server, ...who, tls: { ...trust, ...who.tls }, ...(namespace !== undefined && { namespace }) };
}

async function readConfig(file: string): Promise<z.output<typeof config>> {
  let value: unknown;
  try {
    value = await readDocument(await readFile(file, 'utf8'));
  } catch (cause) {
    throw invalid(file, `it cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
  const parsed = config.safeParse(value ?? {});
  if (!parsed.success) throw invalid(file, parsed.error.issues.map((issue) => `${issue.path.map(String).join('.')}: ${issue.message}`).join('; '));
  return parsed.data;
}

function merge(configs: readonly From<z.output<typeof config>>[]): Merged {
  const clusters = new Map<string, From<Cluster>>();
  const users = new Map<string, From<User>>();
  const contexts = new Map<string, From<z.output<typeof context>>>();
  for (const { file, value } of configs) {
    for (const one of value.clusters ?? []) if (!clusters.has(one.name)) clusters.set(one.name, { file, value: one.cluster });
    for (const one of value.users ?? []) if (!users.has(one.name)) users.set(one.name, { file, value: one.user });
    for (const one of value.contexts ?? []) if (!contexts.has(one.name)) contexts.set(one.name, { file, value: one.context });
  }
  return { clusters, users, contexts, current: configs.map(({ value }) => value['current-context']).find((name) => name !== undefined) };
}

async function trustOf({ value, file }: From<Cluster>): Promise<Connection['tls']> {
  if (value['proxy-url'] !== undefined) throw invalid(file, 'proxy-url is not supported; reach the server directly');
  const insecure = value['insecure-skip-tls-verify'];
  const ca = await pemOf(file, value['certificate-authority-data'], value['certificate-authority'], 'certificate-authority');
  if (insecure && ca !== undefined) throw invalid(file, 'insecure-skip-tls-verify and a certificate-authority exclude each other');
  return { ...(ca !== undefined && { ca }), ...(insecure && { insecure }), ...(value['tls-server-name'] !== undefined && { serverName: value['tls-server-name'] }) };
}

async function credentialsOf({ value, file }: From<User>, clock: Clock): Promise<Pick<Connection, 'tls' | 'token' | 'impersonate'>> {
  for (const field of ['exec', 'auth-provider'] as const) {
    if (value[field] !== undefined && value[field] !== null) throw invalid(file, `credentials by ${field} are not supported: no program is run for them; give a token, a tokenFile or a client certificate`);
  }
  if (value.username !== undefined) throw invalid(file, 'username and password are not supported (by Kubernetes neither since 1.19); give a token or a client certificate');
  const cert = await pemOf(file, value['client-certificate-data'], value['client-certificate'], 'client-certificate');
  const key = await pemOf(file, value['client-key-data'], value['client-key'], 'client-key');
  if ((cert === undefined) !== (key === undefined)) throw invalid(file, 'client-certificate and client-key go together');
  // The file counts more, as in client-go.
  const token = value.tokenFile !== undefined ? tokenFromFile(resolve(dirname(file), value.tokenFile), clock) : value.token !== undefined ? fixedToken(value.token) : undefined;
  const impersonate = impersonated(value);
  return { tls: { ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) }, ...(token !== undefined && { token }), ...(impersonate !== undefined && { impersonate }) };
}

function impersonated(value: User): UserInfo | undefined {
  if (value.as === undefined) return undefined;
  const [uid, extra] = [value['as-uid'], value['as-user-extra']];
  return { name: value.as, groups: value['as-groups'] ?? [], ...(uid !== undefined && { uid }), ...(extra !== undefined && extra !== null && { extra }) };
}

/** What stands in the kubeconfig counts more than what it points at. */
async function pemOf(file: string, data: string | undefined, path: string | undefined, field: string): Promise<string | undefined> {
  if (data === undefined && path === undefined) return undefined;
  let pem: string;
  try {
    pem = data !== undefined ? Buffer.from(data, 'base64').toString('utf8') : await readFile(resolve(dirname(file), path as string), 'utf8');
  } catch (cause) {
    throw invalid(file, `${field}: ${(cause as Error).message}`, cause);
  }
  if (!pem.includes('-----BEGIN ')) throw invalid(file, `${field}${data === undefined ? '' : '-data'} is no PEM`);
  return pem;
}

function invalid(file: string, why: string, cause?: unknown): OrreryError {
  return new OrreryError('INVALID', `The kubeconfig ${file} cannot be used: ${why}.`, { file }, cause);
}
