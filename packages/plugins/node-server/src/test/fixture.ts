import { type CertificateSource, type NodeStreams, silentLogger, systemClock, systemRandom } from '@orrery/core';
import { CertificateAuthority, type KeyPair } from '@orrery/pki';
import { NodeLine } from '../client/node-line.js';
import { NodeServer } from '../server/node-server.js';
import type { NodeMeasures } from '../wire/summary.js';

/** A certificate that the test exchanges. */
export class Exchanged implements CertificateSource {
  readonly #listeners = new Set<() => void>();

  constructor(private pair?: KeyPair) {}

  current(): KeyPair | undefined {
    return this.pair;
  }

  changed(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  exchange(pair: KeyPair): void {
    this.pair = pair;
    for (const listener of this.#listeners) listener();
  }
}

const base = { clock: systemClock, random: systemRandom };

/** The server of the node `n1` on a free port, and what belongs to it. */
export class ServedNode {
  private constructor(
    readonly authority: CertificateAuthority,
    readonly certificate: Exchanged,
    readonly server: NodeServer,
    readonly port: number,
  ) {}

  static async start(streams: NodeStreams, measures: () => NodeMeasures = () => ({ node: undefined, pods: [] })): Promise<ServedNode> {
    const authority = await CertificateAuthority.open(base);
    const certificate = new Exchanged(await servingPair(authority));
    const server = new NodeServer({ streams, measures, certificate, clientCa: authority.certificate, clientGroups: ['system:masters'], clock: systemClock, log: silentLogger });
    return new ServedNode(authority, certificate, server, await server.listen('127.0.0.1', 0));
  }

  /** The API server's own pair, or one of another client. */
  client(organizations: readonly string[] = ['system:masters'], authority = this.authority): Promise<KeyPair> {
    return authority.issue({ subject: { commonName: 'kube-apiserver-kubelet-client', organizations }, usages: ['client'] });
  }

  /** The way to it, with the API server's pair unless told otherwise. */
  async line({ pair, ca = this.authority.certificate, port = this.port, host = '127.0.0.1', node = 'n1', connections = 100 }: { pair?: KeyPair; ca?: string; port?: number; host?: string; node?: string; connections?: number } = {}): Promise<NodeLine> {
    const credentials = { ca, ...(pair ?? (await this.client())) };
    return new NodeLine({ node, endpoint: () => Promise.resolve({ node, host, port }), credentials: () => credentials, clock: systemClock, connections });
  }
}

/** As a node asks for it. */
export const servingPair = (authority: CertificateAuthority, name = 'n1'): Promise<KeyPair> =>
  authority.issue({ subject: { commonName: `system:node:${name}`, organizations: ['system:nodes'] }, usages: ['server'], dnsNames: [name], ipAddresses: ['127.0.0.1'] });

export const anotherAuthority = (): Promise<CertificateAuthority> => CertificateAuthority.open(base);
