import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { ApiError, type UserInfo } from '@orrery/core';

/** What a client shows to say who it is. */
export interface Credentials {
  /** The token of `Authorization: Bearer …`. */
  readonly token?: string;
  /** The names in the certificate of the client. `trusted`: its chain ends at a certificate authority that the server was given. */
  readonly certificate?: { readonly commonName: string; readonly organizations: readonly string[]; readonly trusted: boolean };
}

/** One way of telling who a client is. */
export interface Authenticator {
  /** For logs. */
  readonly name: string;
  /** Who it is; undefined: these credentials say nothing to me. Throws to refuse them at once. Must not tell or keep them. */
  authenticate(credentials: Credentials): UserInfo | undefined | Promise<UserInfo | undefined>;
}

/** Group of everybody who is known. */
export const AUTHENTICATED = 'system:authenticated';
/** Who asks without credentials, where that is allowed. */
export const ANONYMOUS: UserInfo = Object.freeze({ name: 'system:anonymous', groups: Object.freeze(['system:unauthenticated']) });

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
 */
export async function authenticate(request: IncomingMessage, authenticators: readonly Authenticator[], anonymous: boolean): Promise<UserInfo> {
  const credentials = credentialsOf(request);
  if (credentials === undefined) {
    if (anonymous) return ANONYMOUS;
    throw unauthorized();
  }
  for (const authenticator of authenticators) {
    const user = await authenticator.authenticate(credentials);
    if (user !== undefined) return { ...user, groups: [...user.groups.filter((group) => group !== AUTHENTICATED), AUTHENTICATED] };
  }
  throw unauthorized();
}

/** Undefined when there are none. Throws Unauthorized for any other kind of authorization. */
function credentialsOf({ headers: { authorization }, socket }: IncomingMessage): Credentials | undefined {
  const certificate = certificateOf(socket);
  if (authorization === undefined) return certificate && { certificate };
  const [, token] = /^Bearer +(\S+)$/i.exec(authorization) ?? [];
  if (token === undefined) throw unauthorized();
  return { token, ...(certificate !== undefined && { certificate }) };
}

function certificateOf(socket: IncomingMessage['socket']): Credentials['certificate'] {
  if (!(socket instanceof TLSSocket)) return undefined;
  // Types say it is always there; without a certificate it has no subject, and after the end of the connection it is null.
  const subject = (socket.getPeerCertificate() as ReturnType<TLSSocket['getPeerCertificate']> | null)?.subject as { CN?: string | string[]; O?: string | string[] } | undefined;
  if (subject === undefined) return undefined;
  const { CN = '', O = [] } = subject;
  // Two common names could mean different users to different readers.
  return { commonName: typeof CN === 'string' ? CN : '', organizations: Array.isArray(O) ? O : [O], trusted: socket.authorized };
}

const unauthorized = (): ApiError => new ApiError('Unauthorized', 'Unauthorized');
