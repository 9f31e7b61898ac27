/**
 * Users of an OpenID Connect provider, known by their ID tokens.
 * @packageDocumentation
 */
import { Authenticators, definePlugin } from '@orrery/core';
import { z } from 'zod';
import { oidcAuthenticator } from './authenticator.js';

export { oidcAuthenticator, type OidcOptions } from './authenticator.js';
export { type ClaimMapping, userOf } from './mapping.js';

const word = z.string().min(1).max(1_024);
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const;

const options = z.strictObject({
  /** URL of the provider (https), as its tokens have it. */
  issuer: z.url({ protocol: /^https$/ }).max(1_024),
  /** The clients of the provider whose tokens count. */
  audiences: z.array(word).min(1).max(32),
  /** The claim that is the name of the user. */
  usernameClaim: word.default('sub'),
  /** Before each name; default: the issuer and `#`, but nothing for `email`. */
  usernamePrefix: z.string().max(1_024).optional(),
  /** The claim with the user's groups; without it there are none. */
  groupsClaim: word.optional(),
  groupsPrefix: z.string().max(1_024).default(''),
  /** Claims that must have these values. */
  requiredClaims: z.record(word, z.string()).default({}),
  algorithms: z.array(z.enum(ALGORITHMS)).min(1).default(['RS256']),
  /** PEM certificates by which the provider is known; default: the platform's. */
  ca: z.string().max(1_000_000).optional(),
});

/** Lets in the users of a provider. For several providers add several {@link oidcAuthenticator}s. */
export const oidc = definePlugin({
  name: 'oidc',
  core: '^0.1.0',
  options,
  setup: ({ add, clock, options: given }) => {
    const { issuer, usernameClaim } = given;
    const usernamePrefix = given.usernamePrefix ?? (usernameClaim === 'email' ? '' : `${issuer}#`);
    add(Authenticators, oidcAuthenticator({ ...given, usernamePrefix }, clock));
  },
});
