import { chmod, rename, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { type CertifiedKey, Client, definePlugin, type Logger, OrreryError, type Plugin, systemClock, systemRandom } from '@orrery/core';
import type { Connection } from '@orrery/http-client';
import { certificateByRequest, kubeconfigOf, RenewedCertificate, SIGNERS } from '@orrery/pki';

/** Whose certificates they are. */
export interface NodeCertificatesOptions {
  /** Of the node. */
  readonly name: string;
  /** Its address. */
  readonly hostIp: string;
  readonly log: Logger;
  /** The credentials that are the node's own, and the file that keeps them; absent: they are somebody else's to renew. */
  readonly own?: { readonly file: string; readonly server: string; readonly ca: string; readonly known: CertifiedKey };
}

/** As the kubelet: a wish is left standing so long for somebody to approve it. */
const SERVING_WAIT_MS = 15 * 60_000;
const subjectOf = (name: string) => ({ commonName: `system:node:${name}`, organizations: ['system:nodes'] });

/** What a node proves itself with: as a client of the API, where that is its own matter, and as a server to the API server. Both are renewed while it runs. */
export class NodeCertificates {
  readonly serving: RenewedCertificate;
  readonly client: RenewedCertificate | undefined;
  #api: Client | undefined;

  constructor(private readonly options: NodeCertificatesOptions) {
    const { name, log, own } = options;
    const base = { clock: systemClock, random: systemRandom, log };
    this.serving = new RenewedCertificate({ ...base, name: `server of the node ${name}`, obtain: (signal) => this.#obtainServing(signal) });
    if (own !== undefined) this.client = new RenewedCertificate({ ...base, name: `client of the node ${name}`, known: own.known, obtain: (signal) => this.#obtainClient(own, signal) });
  }

  /** Keeps them fresh, over the orchestrator's line. */
  plugin(): Plugin {
    return definePlugin({
      name: 'node-certificates',
      setup: ({ run }) =>
        run((get) => ({
          name: 'certificates of the node',
          // The node has to be there: which names are its own is told by it.
          phase: 'proxy',
          run: async (signal, ready) => {
            this.#api = get(Client);
            ready();
            await Promise.all([this.serving.run(signal), this.client?.run(signal)]);
          },
        })),
    })();
  }

  async #obtainServing(signal: AbortSignal): Promise<CertifiedKey> {
    const { name, hostIp } = this.options;
    return certificateByRequest(
      { client: this.#line(), clock: systemClock, signerName: SIGNERS.serving, usages: ['digital signature', 'server auth'], ...subjectOf(name), dnsNames: [name], ipAddresses: isIP(hostIp) === 0 ? [] : [hostIp], prefix: `serving-${name}`, waitMs: SERVING_WAIT_MS },
      signal,
    );
  }

  async #obtainClient({ file, server, ca }: NonNullable<NodeCertificatesOptions['own']>, signal: AbortSignal): Promise<CertifiedKey> {
    const pair = await nodeClientCertificate(this.#line(), this.options.name, signal);
    await keepCredentials(file, { server, ca, pair });
    return pair;
  }

  #line(): Client {
    if (this.#api === undefined) throw new OrreryError('UNAVAILABLE', 'There is no line to the API yet.');
    return this.#api;
  }
}

/** A new certificate of a node as a client, by a request. */
export const nodeClientCertificate = (client: Client, name: string, signal: AbortSignal): Promise<CertifiedKey> =>
  certificateByRequest({ client, clock: systemClock, signerName: SIGNERS.node, usages: ['digital signature', 'client auth'], ...subjectOf(name), prefix: `node-${name}` }, signal);

/** Writes the credentials of a node, of which there are always whole ones. */
export async function keepCredentials(file: string, { server, ca, pair }: { readonly server: Connection['server']; readonly ca: string; readonly pair: CertifiedKey }): Promise<void> {
  const next = `${file}.new`;
  await writeFile(next, kubeconfigOf({ server, authority: ca, user: pair }), { mode: 0o600, flush: true });
  // One that was left behind keeps its mode otherwise.
  await chmod(next, 0o600);
  await rename(next, file);
}
