import { X509Certificate } from 'node:crypto';
import { Agent } from 'node:https';

/** Connections kept to all webhooks of one bundle of authorities, and bundles that are remembered. */
const LIMITS = { connections: 64, idle: 8, bundles: 100 } as const;
/** Probes of an idle connection, for networks that drop it silently. */
const KEEP_ALIVE_MS = 15_000;

/** Connections that are kept, by whom they trust. */
export class Agents {
  readonly #agents = new Map<string, Agent>();

  /** @param caBundle PEM in base64; empty: whom the platform trusts. Throws when there is no certificate in it. */
  for(caBundle: string): Agent {
    const known = this.#agents.get(caBundle);
    this.#agents.delete(caBundle);
    const agent = known ?? make(caBundle);
    // The last one used is the last to go.
    this.#agents.set(caBundle, agent);
    for (const [oldest, { destroy }] of this.#agents) {
      if (this.#agents.size <= LIMITS.bundles) break;
      destroy.call(this.#agents.get(oldest));
      this.#agents.delete(oldest);
    }
    return agent;
  }

  /** Ends all connections. */
  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }
}

function make(caBundle: string): Agent {
  const ca = Buffer.from(caBundle, 'base64').toString('utf8');
  // Authorities in which there is none would be taken without a word.
  if (caBundle !== '') new X509Certificate(ca);
  return new Agent({ keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS, maxSockets: LIMITS.connections, maxFreeSockets: LIMITS.idle, ...(caBundle !== '' && { ca }) });
}
