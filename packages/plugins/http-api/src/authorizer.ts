import { ApiError, type ResourceRef, type UserInfo } from '@orrery/core';
import { AUTHENTICATED } from './authenticators.js';

/** What a request wants to do. */
export interface Attributes {
  readonly user: UserInfo;
  /** Of resources: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; of other paths: the HTTP method in lower case. */
  readonly verb: string;
  /** Present for resources. */
  readonly ref?: ResourceRef;
  /** Present for other paths, e.g. `/version`. */
  readonly path?: string;
}

/** A decision about one request. */
export interface Decision {
  readonly allowed: boolean;
  /** Told to the client. */
  readonly reason?: string;
}

/** Who may do what. */
export interface Authorizer {
  /** A rejection counts as a refusal. */
  authorize(attributes: Attributes): Decision | Promise<Decision>;
}

/** Paths that tell nothing about the cluster. */
const PUBLIC: ReadonlySet<string> = new Set(['/healthz', '/livez', '/readyz', '/version']);

/** **Everybody who is known may do everything**; who is not known may see only health and version. */
export const everybodyKnown: Authorizer = {
  authorize: ({ user, path }) => ({ allowed: user.groups.includes(AUTHENTICATED) || (path !== undefined && PUBLIC.has(path)) }),
};

/** Throws Forbidden, in the words of kube-apiserver, unless it is allowed. */
export async function authorize(authorizer: Authorizer, attributes: Attributes): Promise<void> {
  const { allowed, reason } = await authorizer.authorize(attributes);
  if (!allowed) throw forbidden(attributes, reason);
}

/** The refusal of a request. */
export function forbidden({ user, verb, ref, path }: Attributes, reason?: string): ApiError {
  const why = reason === undefined ? '' : `: ${reason}`;
  if (ref === undefined) return new ApiError('Forbidden', `forbidden: User ${JSON.stringify(user.name)} cannot ${verb} path ${JSON.stringify(path)}${why}`);
  const qualified = ref.group === '' ? ref.resource : `${ref.resource}.${ref.group}`;
  const named = ref.name === undefined ? qualified : `${qualified} ${JSON.stringify(ref.name)}`;
  const resource = ref.subresource === undefined ? ref.resource : `${ref.resource}/${ref.subresource}`;
  const where = ref.namespace === undefined ? 'at the cluster scope' : `in the namespace ${JSON.stringify(ref.namespace)}`;
  const message = `${named} is forbidden: User ${JSON.stringify(user.name)} cannot ${verb} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(ref.group)} ${where}${why}`;
  return new ApiError('Forbidden', message, { ...(ref.name !== undefined && { name: ref.name }), ...(ref.group !== '' && { group: ref.group }), kind: ref.resource });
}
