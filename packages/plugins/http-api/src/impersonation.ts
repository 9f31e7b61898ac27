import type { IncomingMessage } from 'node:http';
import { ApiError, type Attributes, type Authorizer, serviceAccountOf, systemIdentities, type UserInfo, userOfServiceAccount } from '@orrery/core';
import { authorize } from './authorizer.js';

const { anonymous, authenticated, unauthenticated } = systemIdentities;
const [USER, GROUP, UID, EXTRA] = ['impersonate-user', 'impersonate-group', 'impersonate-uid', 'impersonate-extra-'];
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** As whom a client wants to act. */
interface Wanted {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra: ReadonlyMap<string, readonly string[]>;
}

/**
 * The user that the `Impersonate-` headers of a request name; undefined without such headers. Everything they name needs the verb `impersonate`: the user (or service account), each group, the uid, and
 * each value of each extra. Throws Forbidden, and BadRequest for headers that name no user or two (k8s.io/apiserver/pkg/endpoints/filters/impersonation.go).
 */
export async function impersonated(request: IncomingMessage, user: UserInfo, authorizer: Authorizer): Promise<UserInfo | undefined> {
  const wanted = wantedBy(request);
  if (wanted === undefined) return undefined;
  for (const asked of questionsOf(wanted)) await authorize(authorizer, { user, verb: 'impersonate', ...asked });
  return userOf(wanted);
}

function wantedBy({ headersDistinct }: IncomingMessage): Wanted | undefined {
  const names = Object.keys(headersDistinct).filter((name) => name.startsWith('impersonate-'));
  if (names.length === 0) return undefined;
  const unknown = names.find((name) => ![USER, GROUP, UID].includes(name) && (!name.startsWith(EXTRA) || name === EXTRA));
  if (unknown !== undefined) throw ApiError.badRequest(`the header ${unknown.slice(0, 100)} is not known`);
  const [name, uid] = [only(headersDistinct, USER), only(headersDistinct, UID)];
  if (name === undefined) throw ApiError.badRequest('requested to act with groups, a uid or extras of somebody else without naming a user (Impersonate-User)');
  const extra = new Map(names.filter((header) => header.startsWith(EXTRA)).map((header) => [keyOf(header.slice(EXTRA.length)), headersDistinct[header] ?? []]));
  return { name, ...(uid !== undefined && { uid }), groups: headersDistinct[GROUP] ?? [], extra };
}

/** A header that must come once, and not be empty. */
function only(headers: IncomingMessage['headersDistinct'], name: string): string | undefined {
  const values = headers[name];
  if (values === undefined) return undefined;
  const [value = ''] = values;
  if (values.length > 1 || value === '') throw ApiError.badRequest(`the header ${name} must come once, with a value`);
  return value;
}

/** Keys are escaped as in URLs: headers cannot hold all of their characters. */
function keyOf(escaped: string): string {
  let key: string;
  try {
    key = decodeURIComponent(escaped).toLowerCase();
  } catch (cause) {
    throw new ApiError('BadRequest', 'the name of an extra is not valid percent-encoded UTF-8', {}, cause);
  }
  if (FORBIDDEN_KEYS.has(key)) throw ApiError.badRequest(`the extra ${key} is not allowed`);
  return key;
}

/** What is to be allowed, each by itself. */
function* questionsOf({ name, uid, groups, extra }: Wanted): Generator<Pick<Attributes, 'ref'>, void, undefined> {
  const core = { group: '', version: 'v1' };
  const identity = { group: 'authentication.k8s.io', version: 'v1' };
  const account = serviceAccountOf(name);
  yield { ref: account === undefined ? { ...core, resource: 'users', name } : { ...core, resource: 'serviceaccounts', ...account } };
  if (uid !== undefined) yield { ref: { ...identity, resource: 'uids', name: uid } };
  for (const group of groups) yield { ref: { ...core, resource: 'groups', name: group } };
  for (const [key, values] of extra) for (const value of values) yield { ref: { ...identity, resource: 'userextras', subresource: key, name: value } };
}

/** Groups that nobody named but everybody like that is in are added. */
function userOf({ name, uid, groups, extra }: Wanted): UserInfo {
  const account = serviceAccountOf(name);
  const own = groups.length === 0 && account !== undefined ? userOfServiceAccount(account.namespace, account.name).groups : groups;
  const implied = name === anonymous ? unauthenticated : authenticated;
  const isSaid = own.includes(implied) || (name !== anonymous && own.includes(unauthenticated));
  return { name, ...(uid !== undefined && { uid }), groups: isSaid ? own : [...own, implied], ...(extra.size > 0 && { extra: Object.fromEntries(extra) }) };
}
