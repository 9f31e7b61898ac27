import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { ApiError, type AuthenticatedUser, type Authenticator, type Credentials, systemIdentities, type UserInfo } from '@orrery/core';

export type { Authenticator, Credentials } from '@orrery/core';

const { authenticated: AUTHENTICATED, unauthenticated, anonymous: NOBODY } = systemIdentities;

/** Who asks without credentials, where that is allowed. */
const ANONYMOUS: UserInfo = Object.freeze({ name: NOBODY, groups: Object.freeze([unauthenticated]) });

/** One token and whom it stands for. */
export interface StaticToken {
  readonly token: string;
  readonly user: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
}

const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Tokens that are known beforehand. Only their hashes are kept, and all are compared each time. */
export function staticTokens(tokens: readonly StaticToken[]): Authenticator {
  const known = tokens.map(({ token, user, uid, groups = [] }) => ({ hash: hashOf(token), user: Object.freeze({ name: user, ...(uid !== undefined && { uid }), groups: Object.freeze([...groups]) }) }));
  return {
    name: 'static-tokens',
    authenticate: ({ token }) => {
      if (token === undefined) return undefined;
      const hash = hashOf(token);
      let found: UserInfo | undefined;
      for (const one of known) if (timingSafeEqual(one.hash, hash)) found = one.user;
      return found;
    },
  };
}

/** Certificates of clients: the common name is the user, the organisations are the groups. */
export function clientCertificates(): Authenticator {
  return {
    name: 'client-certificates',
    authenticate: ({ certificate }) => {
      if (certificate === undefined || !certificate.trusted || certificate.commonName === '') return undefined;
      return { name: certificate.commonName, groups: certificate.organizations };
    },
  };
}

/**
 * Who sent a request. Credentials that nobody knows are refused (401) even where clients without any are allowed.
 * Everybody known is in the group `system:authenticated`.
 * @param now milliseconds since the epoch: a certificate that has ended since the connection was opened counts no more
 */
export async function authenticate(request: IncomingMessage, authenticators: readonly Authenticator[], anonymous: boolean, now: number): Promise<UserInfo> {
  const credentials = credentialsOf(request, now);
  if (credentials === undefined) {
    if (anonymous) return ANONYMOUS;
    throw unauthorized();
  }
  const known = await whoShows(credentials, authenticators).catch((cause: unknown) => {
    throw ApiError.is(cause) ? cause : unauthorized(cause);
  });
  if (known === undefined) throw unauthorized();
  const { audiences: _, ...user } = known;
  return user;
}

/** Whom credentials stand for; undefined: nobody knows them. Throws what an authenticator throws that refuses them. */
export async function whoShows(credentials: Credentials, authenticators: readonly Authenticator[]): Promise<AuthenticatedUser | undefined> {
  for (const authenticator of authenticators) {
    const user = await authenticator.authenticate(credentials);
    if (user !== undefined) return { ...user, groups: [...user.groups.filter((group) => group !== AUTHENTICATED), AUTHENTICATED] };
  }
  return undefined;
}

/** Several ways of telling who a client is as one; they are read afresh for each request. */
export function anyOf(name: string, authenticators: () => readonly Authenticator[]): Authenticator {
  return {
    name,
    authenticate: async (credentials) => {
      for (const authenticator of authenticators()) {
        const user = await authenticator.authenticate(credentials);
        if (user !== undefined) return user;
      }
      return undefined;
    },
  };
}

/** Undefined when there are none. Throws Unauthorized for any other kind of authorization. */
function credentialsOf({ headers: { authorization }, socket }: IncomingMessage, now: number): Credentials | undefined {
  const certificate = certificateOf(socket, now);
  if (authorization === undefined) return certificate && { certificate };
  const [, token] = /^Bearer +(\S+)$/i.exec(authorization) ?? [];
  if (token === undefined) throw unauthorized();
  return { token, ...(certificate !== undefined && { certificate }) };
}

/** Of each connection, whose certificate is shown once for all its requests: asking for it costs as much as a tenth of a request. */
const certificates = new WeakMap<TLSSocket, ShownCertificate>();

interface ShownCertificate {
  readonly certificate: Credentials['certificate'];
  /** Milliseconds since the epoch. */
  readonly until: number;
}

function certificateOf(socket: IncomingMessage['socket'], now: number): Credentials['certificate'] {
  if (!(socket instanceof TLSSocket)) return undefined;
  let known = certificates.get(socket);
  if (known === undefined) certificates.set(socket, (known = readCertificate(socket)));
  const { certificate, until } = known;
  return certificate !== undefined && now > until ? { ...certificate, trusted: false } : certificate;
}

function readCertificate(socket: TLSSocket): ShownCertificate {
  // Types say it is always there; without a certificate it has no subject, and after the end of the connection it is null.
  const shown = socket.getPeerCertificate() as ReturnType<TLSSocket['getPeerCertificate']> | null;
  const subject = shown?.subject as { CN?: string | string[]; O?: string | string[] } | undefined;
  if (shown === null || subject === undefined) return { certificate: undefined, until: 0 };
  const { CN = '', O = [] } = subject;
  // Two common names could mean different users to different readers.
  const certificate = { commonName: typeof CN === 'string' ? CN : '', organizations: Array.isArray(O) ? O : [O], trusted: socket.authorized };
  return { certificate, until: Date.parse(shown.valid_to) };
}

const unauthorized = (cause?: unknown): ApiError => new ApiError('Unauthorized', 'Unauthorized', {}, cause);
