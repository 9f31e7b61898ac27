import { type Authenticator, type Clock, errorMessage, OrreryError } from '@orrery/core';
import { decodeJwt, errors, jwtVerify } from 'jose';
import { type ClaimMapping, userOf } from './mapping.js';
import { Provider } from './provider.js';

const MAX_LENGTH = 16_384;
const SHAPE = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** Which tokens count, and whom they stand for. */
export interface OidcOptions extends ClaimMapping {
  /** URL of the provider, as its tokens and its discovery document have it. */
  readonly issuer: string;
  /** The clients of the provider whose tokens count: one of them must be in `aud`. */
  readonly audiences: readonly string[];
  readonly algorithms: readonly string[];
  /** PEM certificates by which the provider is known; default: the platform's. */
  readonly ca?: string | undefined;
}

/** Knows users by the ID tokens of one provider. Tokens of other issuers say nothing to it; one of this issuer that is not good is refused. */
export function oidcAuthenticator(options: OidcOptions, clock: Clock): Authenticator {
  const { issuer, audiences, algorithms, ca } = options;
  const provider = new Provider({ issuer, ca, clock });
  return {
    name: `oidc ${issuer}`,
    authenticate: async ({ token, audiences: wanted }) => {
      // ID tokens are for clients of the provider: who asks for an audience means another kind.
      if (token === undefined || wanted !== undefined || !isOf(token, issuer)) return undefined;
      const keys = await provider.keys();
      const { payload } = await jwtVerify(token, keys, { issuer, audience: [...audiences], algorithms: [...algorithms], currentDate: new Date(clock.now()), requiredClaims: ['exp', 'sub'] }).catch((error: unknown) => {
        throw error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout) ? new Error(`the token is not valid: ${error.message}`) : new OrreryError('UNAVAILABLE', `The keys of ${issuer} could not be had: ${errorMessage(error)}`);
      });
      return userOf(payload, options);
    },
  };
}

/** Whether a token says that it is of this issuer; nothing of it is believed. */
function isOf(token: string, issuer: string): boolean {
  if (token.length > MAX_LENGTH || !SHAPE.test(token)) return false;
  try {
    return decodeJwt(token).iss === issuer;
  } catch {
    // Not a JWT: there are other kinds of token.
    return false;
  }
}
