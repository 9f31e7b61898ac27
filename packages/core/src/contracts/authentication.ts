import { list } from '../kernel/tokens.js';
import type { UserInfo } from './transport.js';

/** What a client shows to say who it is. */
export interface Credentials {
  /** The token of `Authorization: Bearer …`, or of a TokenReview. */
  readonly token?: string;
  /** The names in the certificate of the client. `trusted`: its chain ends at a certificate authority that the server was given. */
  readonly certificate?: { readonly commonName: string; readonly organizations: readonly string[]; readonly trusted: boolean };
  /** Whom the token must be meant for, one of these at least (`spec.audiences` of a TokenReview). Absent: the API server. */
  readonly audiences?: readonly string[];
}

/** Who a client is. */
export interface AuthenticatedUser extends UserInfo {
  /** Those of {@link Credentials.audiences} that the token is meant for; absent: tokens of this kind have none. */
  readonly audiences?: readonly string[];
}

/** One way of telling who a client is. */
export interface Authenticator {
  /** For logs. */
  readonly name: string;
  /**
   * Who it is; undefined: these credentials say nothing to me. Throws to refuse them at once: a token of this kind that is expired, forged, or meant for somebody else. The message may reach who
   * asks for a TokenReview, never the client itself. Must not tell or keep the credentials.
   */
  authenticate(credentials: Credentials): AuthenticatedUser | undefined | Promise<AuthenticatedUser | undefined>;
}

/** Ways of telling who a client is, asked in the order of the plugins; the first who knows it counts. */
export const Authenticators = list<Authenticator>('Authenticator');

/** Groups and users that Kubernetes gives a meaning (k8s.io/apiserver/pkg/authentication/user). */
export const systemIdentities = {
  /** The group of everybody who is known. */
  authenticated: 'system:authenticated',
  /** The group of who is not. */
  unauthenticated: 'system:unauthenticated',
  /** The group of who may do everything. */
  masters: 'system:masters',
  /** The group of node agents; the user is {@link systemIdentities.nodeUser} and the name of the node. */
  nodes: 'system:nodes',
  nodeUser: 'system:node:',
  /** Who asks without credentials. */
  anonymous: 'system:anonymous',
  /** The group of all service accounts; with a colon and a namespace, of those in it. */
  serviceAccounts: 'system:serviceaccounts',
  /** With a namespace, a colon and a name: the user that a service account is. */
  serviceAccountUser: 'system:serviceaccount:',
} as const;

/** The user that a service account is, and its groups but {@link systemIdentities.authenticated}. */
export function userOfServiceAccount(namespace: string, name: string): UserInfo {
  const { serviceAccountUser, serviceAccounts } = systemIdentities;
  return { name: `${serviceAccountUser}${namespace}:${name}`, groups: [serviceAccounts, `${serviceAccounts}:${namespace}`] };
}

/** The service account that a user name stands for; undefined when it stands for none. */
export function serviceAccountOf(user: string): { readonly namespace: string; readonly name: string } | undefined {
  if (!user.startsWith(systemIdentities.serviceAccountUser)) return undefined;
  const parts = user.slice(systemIdentities.serviceAccountUser.length).split(':');
  const [namespace = '', name = ''] = parts;
  return parts.length === 2 && namespace !== '' && name !== '' ? { namespace, name } : undefined;
}
