import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ApiClient, ApiError, builtinKinds, type CertifiedKey, KindRegistry, OrreryError, systemClock } from '@orrery/core';
import { type Connection, findConnection, fixedToken, HttpTransport } from '@orrery/http-client';
import { UsageError } from '../usage-error.js';
import { authorityOf, hashOfAuthority } from './authority-of.js';
import { keepCredentials, nodeClientCertificate } from './node-certificates.js';

/** How a machine that nobody knows yet becomes a node. */
export interface Joining {
  readonly server: string;
  /** A bootstrap token. */
  readonly token: string;
  /** Hash of the authority that the server must be of. */
  readonly caHash: string;
  /** Of the node. */
  readonly name: string;
  /** Where the credentials are kept, in `kubeconfig`. */
  readonly data: string;
}

/**
 * The file of the node's credentials: those that it was given before, as long as they are good and its own, or else new ones, asked for with the token. Throws `UsageError` for a server of another authority,
 * a token that is not known and a request that is denied.
 */
export async function joined(joining: Joining): Promise<string> {
  const file = join(joining.data, 'kubeconfig');
  if (await isGood(file, joining)) return file;
  const { server, name } = joining;
  const ca = await authorityOf(server, joining.caHash);
  const pair = await certified({ server, tls: { ca }, token: fixedToken(joining.token) }, name);
  await keepCredentials(file, { server, ca, pair });
  return file;
}

/** Whether there is a certificate of this node, given by this cluster, that is good still: it is renewed while the agent runs. */
async function isGood(file: string, { name, caHash }: Joining): Promise<boolean> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
  const { tls } = await findConnection({ kubeconfig: file, clock: systemClock });
  if (tls.cert === undefined || tls.ca === undefined || text === '') return false;
  // What another cluster gave is of no use here.
  if (hashOfAuthority(tls.ca) !== caHash.toLowerCase()) return false;
  const { subject, validTo } = new X509Certificate(tls.cert);
  return subject.split('\n').includes(`CN=system:node:${name}`) && systemClock.now() < Date.parse(validTo);
}

async function certified(connection: Connection, name: string): Promise<CertifiedKey> {
  await using line = new HttpTransport({ connection, clock: systemClock });
  const client = new ApiClient({ transport: line, kinds: new KindRegistry(builtinKinds), user: { name: 'bootstrap', groups: [] } });
  try {
    return await nodeClientCertificate(client, name, new AbortController().signal);
  } catch (error) {
    if (ApiError.is(error, 'Unauthorized')) throw new UsageError('--token: the server does not know this bootstrap token; it may have expired');
    if (OrreryError.is(error, 'INVALID')) throw new UsageError(error.message);
    throw error;
  }
}
