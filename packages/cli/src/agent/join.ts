import { X509Certificate } from 'node:crypto';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ApiClient, ApiError, builtinKinds, CertificateSigningRequest, type Client, KindRegistry, OrreryError, systemClock } from '@orrery/core';
import { type Connection, findConnection, fixedToken, HttpTransport } from '@orrery/http-client';
import { kubeconfigOf, makeRequest } from '@orrery/pki';
import { UsageError } from '../usage-error.js';
import { authorityOf } from './authority-of.js';

const SIGNER = 'kubernetes.io/kube-apiserver-client-kubelet';
const WAIT_MS = 60_000;
/** A certificate is asked for anew when so much of its life is over (the kubelet does so between 70 and 90 percent). */
const RENEW_AT = 0.8;

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
  if (await isGood(file, joining.name)) return file;
  const ca = await authorityOf(joining.server, joining.caHash);
  const { key, request } = await makeRequest({ commonName: `system:node:${joining.name}`, organizations: ['system:nodes'] });
  const cert = await certified({ server: joining.server, tls: { ca }, token: fixedToken(joining.token) }, joining.name, request);
  await writeFile(file, kubeconfigOf({ server: joining.server, authority: ca, user: { key, cert } }), { mode: 0o600 });
  await chmod(file, 0o600);
  return file;
}

/** Whether there is a certificate of this node that goes on for a while. */
async function isGood(file: string, name: string): Promise<boolean> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
  const { tls } = await findConnection({ kubeconfig: file, clock: systemClock });
  if (tls.cert === undefined || text === '') return false;
  const { subject, validFrom, validTo } = new X509Certificate(tls.cert);
  const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
  return subject.split('\n').includes(`CN=system:node:${name}`) && systemClock.now() < from + (to - from) * RENEW_AT;
}

async function certified(connection: Connection, name: string, request: string): Promise<string> {
  await using line = new HttpTransport({ connection, clock: systemClock });
  const client = new ApiClient({ transport: line, kinds: new KindRegistry(builtinKinds), user: { name: 'bootstrap', groups: [] } });
  const requests = client.kind(CertificateSigningRequest);
  try {
    const spec = { request: Buffer.from(request).toString('base64'), signerName: SIGNER, usages: ['digital signature', 'client auth'] };
    const made = await requests.create({ apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest', metadata: { generateName: `node-${name.slice(0, 40)}-` }, spec } as CertificateSigningRequest);
    return await signed(client, made.metadata.name ?? '');
  } catch (error) {
    if (ApiError.is(error, 'Unauthorized')) throw new UsageError('--token: the server does not know this bootstrap token; it may have expired');
    throw error;
  }
}

/** Waits until the request is signed. */
async function signed(client: Client, name: string): Promise<string> {
  const until = AbortSignal.timeout(WAIT_MS);
  while (!until.aborted) {
    const { status } = await client.kind(CertificateSigningRequest).get({ name });
    const refused = status?.conditions?.find(({ type }) => type === 'Denied' || type === 'Failed');
    if (refused !== undefined) throw new UsageError(`the request ${name} for a certificate of this node was refused: ${refused.message ?? refused.reason ?? refused.type}`);
    if (status?.certificate !== undefined && status.certificate !== '') return Buffer.from(status.certificate, 'base64').toString('utf8');
    await systemClock.sleep(250, until).catch(() => until);
  }
  throw new OrreryError('TIMEOUT', `The request ${name} for a certificate of this node was not signed within ${WAIT_MS / 1000} s; approve it with \`kubectl certificate approve ${name}\` and try again.`);
}
