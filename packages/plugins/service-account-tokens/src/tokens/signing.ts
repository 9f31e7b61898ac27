import { type Clock, errorMessage } from '@orrery/core';
import { decodeJwt, decodeProtectedHeader, jwtVerify, SignJWT } from 'jose';
import { ALGORITHM, type KeyRing } from '../keys/key-ring.js';
import { claimsOf, payloadOf, type TokenClaims } from './claims.js';

/** Longer ones are nobody's: headers of requests end there, too. */
const MAX_LENGTH = 16_384;
const MAX_HEADER = 1_024;
const SHAPE = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** What signs and checks tokens. */
export interface Signing {
  readonly keys: KeyRing;
  readonly issuer: string;
  readonly clock: Clock;
}

/** A signed token (JWS, compact). A secret. */
export function signToken(claims: TokenClaims, { keys, issuer }: Omit<Signing, 'clock'>): Promise<string> {
  return new SignJWT(payloadOf(issuer, claims)).setProtectedHeader({ alg: ALGORITHM, kid: keys.signingId }).sign(keys.signingKey);
}

/** Whether a token says that it is of this issuer; nothing of it is believed. What is not a JWT is somebody else's. */
export function claimsIssuer(token: string, issuer: string): boolean {
  if (token.length > MAX_LENGTH || !SHAPE.test(token)) return false;
  try {
    return decodeJwt(token).iss === issuer;
  } catch {
    // Not a JWT: there are other kinds of token.
    return false;
  }
}

/**
 * What a token says, once its signature, its times and its form are found good. Throws an error that tells why not, never what was in it. Only the one algorithm counts, and only keys of the ring:
 * what the token itself says of keys (`jwk`, `jku`, `x5u`) is not looked at.
 */
export async function verifyToken(token: string, { keys, issuer, clock }: Signing): Promise<TokenClaims> {
  if (token.length > MAX_LENGTH || token.indexOf('.') > MAX_HEADER) throw new Error('the token is too long');
  const key = keys.publicKey(decodeProtectedHeader(token).kid);
  if (key === undefined) throw new Error('the token is signed by a key that is not known');
  const { payload } = await jwtVerify(token, key, { algorithms: [ALGORITHM], issuer, currentDate: new Date(clock.now()), requiredClaims: ['exp', 'iat', 'sub', 'aud', 'jti'] }).catch((error: unknown) => {
    throw new Error(`the token is not valid: ${errorMessage(error)}`);
  });
  const claims = claimsOf(payload);
  if (claims === undefined) throw new Error('the token is not one of a service account');
  return claims;
}
