import { X509Certificate } from 'node:crypto';
import { backoffDelay, type CertificateSource, type CertifiedKey, type Clock, errorMessage, type Logger, type Random } from '@orrery/core';

/** How a certificate is kept fresh. */
export interface RenewedCertificateOptions {
  /** For whom or what, in logs. */
  readonly name: string;
  /** Gets a new key with a certificate for it. Throws when it cannot be had now: it is asked for again. */
  obtain(signal: AbortSignal): Promise<CertifiedKey>;
  /** The one that is there already. */
  readonly known?: CertifiedKey;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Which part of its life a certificate is used for: chance tells where between the two, so that those that were made together are not all renewed together (as the kubelet does). */
const EARLIEST = 0.7;
const LATEST = 0.9;
const BACKOFF = { baseMs: 1_000, maxMs: 60_000, jitter: 0.2 } as const;
/** The clock of a machine may be put right, or have stood still: how much of a life is over is looked at this often, milliseconds. */
const LOOK_MS = 3_600_000;
/** One that has hardly any life is not renewed sooner. */
const SHORTEST_MS = 1_000;

/**
 * When a certificate (PEM) is to be renewed, milliseconds since the epoch.
 * @param chance in [0, 1)
 * @param since when its life began, where that is known better than by what it says: those that are signed are dated back, for clocks that are behind
 */
export function renewalOf(cert: string, chance: number, since?: number): number {
  const { validFrom, validTo } = new X509Certificate(cert);
  const [from, to] = [Math.max(Date.parse(validFrom), since ?? Number.NEGATIVE_INFINITY), Date.parse(validTo)];
  return from + (to - from) * (EARLIEST + (LATEST - EARLIEST) * chance);
}

/** A certificate that is renewed between 70 and 90 percent of its life while {@link RenewedCertificate.run} runs; who uses it is told of each exchange. */
export class RenewedCertificate implements CertificateSource {
  readonly #listeners = new Set<() => void>();
  #pair: CertifiedKey | undefined;

  constructor(private readonly options: RenewedCertificateOptions) {
    this.#pair = options.known;
  }

  current(): CertifiedKey | undefined {
    return this.#pair;
  }

  changed(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Gets one where there is none, and a new one in time, until the signal aborts. What fails is tried again, the former certificate being used on. */
  async run(signal: AbortSignal): Promise<void> {
    const { random } = this.options;
    let failures = 0;
    let since: number | undefined;
    while (!signal.aborted) {
      if (this.#pair !== undefined && failures === 0) await this.#until(Math.max(renewalOf(this.#pair.cert, random.float(), since), (since ?? 0) + SHORTEST_MS), signal);
      if (signal.aborted) return;
      failures = (await this.#renew(signal)) ? 0 : failures + 1;
      if (failures === 0) since = this.options.clock.now();
      else await this.#pause(backoffDelay(BACKOFF, failures, random), signal);
    }
  }

  async #renew(signal: AbortSignal): Promise<boolean> {
    const { obtain, name, log } = this.options;
    try {
      const pair = await obtain(signal);
      this.#pair = pair;
    } catch (error) {
      if (!signal.aborted) log.warn('a certificate could not be renewed; it is tried again', { certificate: name, error: errorMessage(error) });
      return false;
    }
    log.info('a certificate was renewed', { certificate: name, until: new X509Certificate(this.#pair.cert).validTo });
    for (const listener of this.#listeners) listener();
    return true;
  }

  async #until(time: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.options;
    while (!signal.aborted && clock.now() < time) await this.#pause(Math.min(LOOK_MS, time - clock.now()), signal);
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    await this.options.clock.sleep(ms, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}
