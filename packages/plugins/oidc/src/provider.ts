import { type Clock, OrreryError, within } from '@orrery/core';
import { createRemoteJWKSet, customFetch, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { getText } from './https-text.js';

const ANSWER_MS = 5_000;
const MAX_BYTES = 1_000_000;
/** How long after a failure the provider is asked again, and how often at most for a key that is not known. */
const PAUSE_MS = 10_000;
const KEYS_PAUSE_MS = 30_000;
const KEYS_AGE_MS = 10 * 60_000;

const document = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https$/ }).max(2_048) });

/** Where a provider is, and by which certificates it is known. */
export interface ProviderOptions {
  readonly issuer: string;
  /** PEM; default: the platform's. */
  readonly ca?: string | undefined;
  readonly clock: Clock;
}

/** A provider's keys, found by its discovery document when they are first needed (OpenID Connect Discovery 1.0). */
export class Provider {
  #keys: Promise<JWTVerifyGetKey> | undefined;
  #failedAt: number | undefined;
  #failure: unknown;

  constructor(private readonly options: ProviderOptions) {}

  /** Throws while the provider cannot be reached, without asking it each time. */
  async keys(): Promise<JWTVerifyGetKey> {
    const { clock } = this.options;
    if (this.#keys === undefined && this.#failedAt !== undefined && clock.monotonic() - this.#failedAt < PAUSE_MS) throw this.#failure;
    this.#keys ??= this.#discover();
    try {
      return await this.#keys;
    } catch (error) {
      this.#keys = undefined;
      this.#failure = error;
      this.#failedAt = clock.monotonic();
      throw error;
    }
  }

  async #discover(): Promise<JWTVerifyGetKey> {
    const { issuer } = this.options;
    const { status, text } = await this.#get(new URL(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`));
    if (status !== 200) throw new OrreryError('UNAVAILABLE', `The OpenID Connect provider answers with ${status}.`, { issuer });
    const found = document.safeParse(JSON.parse(text));
    if (!found.success || found.data.issuer !== issuer) throw new OrreryError('INVALID', `The discovery document of ${issuer} is not one of this issuer with keys over HTTPS.`, { issuer });
    const fetched = async (url: string): Promise<Response> => {
      const answer = await this.#get(new URL(url));
      return new Response(answer.text, { status: answer.status });
    };
    return createRemoteJWKSet(new URL(found.data.jwks_uri), { timeoutDuration: ANSWER_MS, cooldownDuration: KEYS_PAUSE_MS, cacheMaxAge: KEYS_AGE_MS, [customFetch]: fetched });
  }

  async #get(url: URL): Promise<{ readonly status: number; readonly text: string }> {
    const { ca, clock } = this.options;
    const abort = new AbortController();
    try {
      return await within(getText(url, { ca, maxBytes: MAX_BYTES, signal: abort.signal }), clock, ANSWER_MS, () => new OrreryError('TIMEOUT', `The OpenID Connect provider did not answer within ${ANSWER_MS} ms.`));
    } finally {
      abort.abort();
    }
  }
}
