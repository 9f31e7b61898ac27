import { createOrchestrator, type Orchestrator, type Plugin, silentLogger, systemClock, systemRandom, Transport } from '@orrery/core';
import { httpApi } from '@orrery/http-api';
import { CertificateAuthority } from '@orrery/pki';
import { memoryStore } from '@orrery/store-memory';
import type { Connection } from '../credentials/connection.js';

/** A user's token of the served cluster. */
export const TOKEN = 'the-token-of-anna-0123456789';

/** An orchestrator of its own whose API is served over HTTPS on a free port, on a certificate of an authority of its own. */
export class Served {
  private constructor(
    readonly orchestrator: Orchestrator,
    readonly port: number,
    readonly authority: CertificateAuthority,
  ) {}

  static async start({ plugins = [memoryStore()], port = 0, authority }: { plugins?: readonly Plugin[]; port?: number; authority?: CertificateAuthority } = {}): Promise<Served> {
    const ca = authority ?? (await CertificateAuthority.open({ clock: systemClock, random: systemRandom }));
    const serving = await ca.issue({ subject: { commonName: 'api' }, usages: ['server'], dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] });
    let url = '';
    const door = httpApi({ port, tls: { ...serving, clientCa: ca.certificate }, tokens: [{ token: TOKEN, user: 'anna', groups: ['team'] }], listening: (at) => (url = at), limits: { drainMs: 200 } });
    const orchestrator = await createOrchestrator({ plugins: [...plugins, door], logger: silentLogger });
    await orchestrator.start();
    return new Served(orchestrator, Number(new URL(url).port), ca);
  }

  /** The line in the process. */
  get transport(): Transport {
    return this.orchestrator.get(Transport);
  }

  /** By token; the connection that a kubeconfig would give. */
  get connection(): Connection {
    return { server: `https://127.0.0.1:${this.port}`, tls: { ca: this.authority.certificate }, token: { read: () => Promise.resolve(TOKEN), refused: () => false } };
  }

  stop(): Promise<void> {
    return this.orchestrator.stop();
  }
}
