import { createHash } from 'node:crypto';
import type { Authenticator, Clock } from '@orrery/core';
import { type TokenClaims, userOf } from './claims.js';
import type { Living } from './living.js';
import { claimsIssuer, type Signing, verifyToken } from './signing.js';

/** Tokens whose signature need not be checked again. */
const REMEMBERED = 10_000;

/** What tokens are checked with. */
export interface TokenChecks extends Signing {
  readonly living: Pick<Living, 'check'>;
  /** Whom tokens for the API server are meant for, one of these. */
  readonly audiences: readonly string[];
}

/**
 * Knows service accounts by the tokens of this issuer. Signatures are checked once and remembered by a hash; that a token has not expired and that what it is bound to is there is looked at each time.
 * Tokens of other issuers say nothing to it.
 */
export function serviceAccountAuthenticator(checks: () => TokenChecks): Authenticator {
  let verified: VerifiedTokens | undefined;
  return {
    name: 'service-account-tokens',
    authenticate: async ({ token, audiences: wanted }) => {
      if (token === undefined) return undefined;
      const { issuer, clock, living, audiences, keys } = checks();
      if (!claimsIssuer(token, issuer)) return undefined;
      verified ??= new VerifiedTokens(clock);
      const claims = await verified.of(token, () => verifyToken(token, { keys, issuer, clock }));
      const meant = (wanted ?? audiences).filter((one) => claims.audiences.includes(one));
      if (meant.length === 0) throw new Error('the token is meant for others');
      await living.check(claims, clock.now());
      return { ...userOf(claims), audiences: meant };
    },
  };
}

/** Tokens that were found good, by their hash: the oldest goes when there are too many. */
export class VerifiedTokens {
  readonly #claims = new Map<string, TokenClaims>();

  constructor(
    private readonly clock: Clock,
    private readonly size = REMEMBERED,
  ) {}

  /** What a token says: remembered, or found out. Throws when it has expired, and what `verify` throws, which is not remembered. */
  async of(token: string, verify: () => Promise<TokenClaims>): Promise<TokenClaims> {
    const hash = createHash('sha256').update(token).digest('base64');
    const known = this.#claims.get(hash);
    if (known !== undefined && known.expires * 1_000 > this.clock.now()) return known;
    this.#claims.delete(hash);
    // An expired one is found out again, and refused in the same words as any other.
    const claims = await verify();
    this.#claims.set(hash, claims);
    const [oldest] = this.#claims.keys();
    if (this.#claims.size > this.size && oldest !== undefined) this.#claims.delete(oldest);
    return claims;
  }

  /** How many are remembered. */
  get count(): number {
    return this.#claims.size;
  }
}
