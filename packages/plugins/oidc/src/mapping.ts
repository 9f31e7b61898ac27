import type { UserInfo } from '@orrery/core';

/** What of a token makes a user. */
export interface ClaimMapping {
  /** The claim that is the name. With `email` a verified address counts only. */
  readonly usernameClaim: string;
  /** Before each name. */
  readonly usernamePrefix: string;
  readonly groupsClaim?: string | undefined;
  readonly groupsPrefix: string;
  /** Claims that must have these values. */
  readonly requiredClaims: Readonly<Record<string, string>>;
}

/** Names of this kind are the server's own. */
const RESERVED = 'system:';
const MAX_GROUPS = 1_000;

/** The user that the claims of a checked token stand for. Throws an error that names the claim, without its value. Pure. */
export function userOf(claims: Readonly<Record<string, unknown>>, { usernameClaim, usernamePrefix, groupsClaim, groupsPrefix, requiredClaims }: ClaimMapping): UserInfo {
  const claim = (name: string): unknown => (Object.hasOwn(claims, name) ? claims[name] : undefined);
  for (const [name, wanted] of Object.entries(requiredClaims)) if (claim(name) !== wanted) throw new Error(`the claim ${JSON.stringify(name)} is not as required`);
  const name = claim(usernameClaim);
  if (typeof name !== 'string' || name === '' || name.length > 1_024) throw new Error(`the claim ${JSON.stringify(usernameClaim)} is no name`);
  if (usernameClaim === 'email' && claim('email_verified') !== undefined && claim('email_verified') !== true) throw new Error('the address is not verified');
  return { name: allowed(`${usernamePrefix}${name}`), groups: groupsOf(groupsClaim === undefined ? undefined : claim(groupsClaim), groupsClaim).map((group) => allowed(`${groupsPrefix}${group}`)) };
}

function groupsOf(value: unknown, claim = ''): readonly string[] {
  if (value === undefined) return [];
  const list: unknown[] = typeof value === 'string' ? [value] : Array.isArray(value) ? value : [undefined];
  const groups = list.filter((group): group is string => typeof group === 'string' && group !== '' && group.length <= 1_024);
  if (groups.length !== list.length || list.length > MAX_GROUPS) throw new Error(`the claim ${JSON.stringify(claim)} is no list of groups`);
  return groups;
}

function allowed(name: string): string {
  if (name.startsWith(RESERVED)) throw new Error(`names that begin with ${RESERVED} are not given by providers`);
  return name;
}
