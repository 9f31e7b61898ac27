import { type Client, type Clock, errorMessage, type Logger, type Pod, ServiceAccount, TokenRequest, type Volume } from '@orrery/core';
import { ConfigError } from '../pod/env.js';

/** A token as a projected volume asks for it. */
export type TokenProjection = NonNullable<NonNullable<NonNullable<Volume['projected']>['sources']>[number]['serviceAccountToken']>;

/** Which part of its life a token has behind it when the next one is asked for, and the age, milliseconds, at which it is anyway (kubelet/token requiresRefresh). */
const SPENT = 0.8;
const MAX_AGE_MS = 24 * 3_600_000;

interface Held {
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly refreshAt: number;
  readonly expiresAt: number;
}

/**
 * The tokens of the service accounts of a node's pods, each bound to its pod: asked of the API, and again when most of their life is over (the kubelet's token manager). A token that cannot be renewed
 * is used until it expires. Tokens are kept in memory and in the volumes only.
 */
export class AccountTokens {
  /** By the pod's uid. */
  readonly #held = new Map<string, Map<string, Held>>();
  readonly #asked = new Map<string, Promise<Held>>();

  constructor(private readonly options: { readonly client: Client; readonly clock: Clock; readonly log: Logger }) {}

  /** A token that is good now. Throws ConfigError when there is none to be had; the message does not tell any. */
  async get(pod: Pod, projection: Pick<TokenProjection, 'audience' | 'expirationSeconds'>): Promise<string> {
    const { clock, log } = this.options;
    const { uid = '', name, namespace } = pod.metadata;
    const key = JSON.stringify([projection.audience ?? '', projection.expirationSeconds]);
    const known = this.#held.get(uid)?.get(key);
    if (known !== undefined && clock.now() < known.refreshAt) return known.token;
    try {
      return (await this.#renewed(pod, projection, key)).token;
    } catch (error) {
      if (known === undefined || clock.now() >= known.expiresAt) throw new ConfigError(`failed to fetch token of service account "${pod.spec.serviceAccountName}": ${errorMessage(error)}`, { cause: error });
      log.warn('a token could not be renewed; the old one is used on', { pod: `${namespace}/${name}`, error: errorMessage(error) });
      return known.token;
    }
  }

  /** The pod is gone, and its tokens with it. */
  forget(uid: string): void {
    this.#held.delete(uid);
  }

  /** Several who ask at once are answered once. */
  #renewed(pod: Pod, projection: Pick<TokenProjection, 'audience' | 'expirationSeconds'>, key: string): Promise<Held> {
    const { uid = '' } = pod.metadata;
    const id = `${uid} ${key}`;
    const asked = this.#asked.get(id);
    if (asked !== undefined) return asked;
    const asking = this.#request(pod, projection)
      .then((held) => {
        this.#held.set(uid, (this.#held.get(uid) ?? new Map<string, Held>()).set(key, held));
        return held;
      })
      .finally(() => this.#asked.delete(id));
    this.#asked.set(id, asking);
    return asking;
  }

  async #request({ metadata, spec }: Pod, { audience = '', expirationSeconds = 3_600 }: Pick<TokenProjection, 'audience' | 'expirationSeconds'>): Promise<Held> {
    const { client, clock } = this.options;
    const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: metadata.name ?? '', uid: metadata.uid ?? '' };
    const request: TokenRequest = {
      apiVersion: TokenRequest.apiVersion, kind: TokenRequest.kind, metadata: {}, spec: { audiences: audience === '' ? [] : [audience], expirationSeconds, boundObjectRef },
    };
    const account = { namespace: metadata.namespace, name: spec.serviceAccountName ?? '' };
    const { status, spec: given } = await client.kind(ServiceAccount).createSubresource(account, 'token', request);
    if (status === undefined || status.token === '') throw new Error('the server answered without a token');
    const expiresAt = Date.parse(status.expirationTimestamp);
    const lifeMs = (given.expirationSeconds ?? expirationSeconds) * 1_000;
    // By the server's own clock as far as it tells, which may not be this machine's.
    return { token: status.token, expiresAt, refreshAt: Math.min(expiresAt - (1 - SPENT) * lifeMs, clock.now() + MAX_AGE_MS) };
  }
}
