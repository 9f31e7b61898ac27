import { ApiClient, builtinKinds, KindRegistry, type Random, Secret, systemClock, systemRandom } from '@orrery/core';
import { findConnection, HttpTransport } from '@orrery/http-client';
import { hashOfAuthority } from '../agent/authority-of.js';
import type { Report } from '../report.js';
import { UsageError } from '../usage-error.js';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** What `orrery token` is told. */
export interface TokenSettings {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  /** How long the token is good for. */
  readonly hours: number;
}

/** Makes a bootstrap token, and prints the command with which a machine joins by it. */
export async function makeToken({ kubeconfig, context, hours }: TokenSettings, report: Report): Promise<void> {
  const connection = await findConnection({ kubeconfig, context, clock: systemClock });
  const { ca } = connection.tls;
  if (ca === undefined) throw new UsageError('the kubeconfig does not say by which authority the server is trusted, so that a node could not be told either');
  const [id, secret] = [word(6, systemRandom), word(16, systemRandom)];
  const expiration = new Date(systemClock.now() + hours * 3_600_000).toISOString();
  await using line = new HttpTransport({ connection, clock: systemClock });
  const client = new ApiClient({ transport: line, kinds: new KindRegistry(builtinKinds), user: { name: 'token', groups: [] } });
  await client.kind(Secret).create({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    stringData: { 'token-id': id, 'token-secret': secret, expiration, 'usage-bootstrap-authentication': 'true', description: 'made by orrery token' },
  } as unknown as Secret);
  report.done(`a token that machines can join with until ${expiration}`);
  report.line(`orrery agent --join ${connection.server} --token ${id}.${secret} --ca-hash ${hashOfAuthority(ca)}`);
}

/** So many letters and digits, each as likely as another. */
function word(length: number, random: Random): string {
  let text = '';
  while (text.length < length) for (const byte of random.bytes(length)) if (byte < 252 && text.length < length) text += ALPHABET[byte % ALPHABET.length] as string;
  return text;
}
