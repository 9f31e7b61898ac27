import { ApiError, type Attributes, type Authorizer, systemIdentities } from '@orrery/core';

export type { Attributes, Authorizer, Decision } from '@orrery/core';

/** Paths that tell nothing about the cluster. */
const PUBLIC: ReadonlySet<string> = new Set(['/healthz', '/livez', '/readyz', '/version']);

/** **Everybody who is known may do everything**; who is not known may see only health and version. */
export const everybodyKnown: Authorizer = {
  authorize: ({ user, path }) => ({ allowed: user.groups.includes(systemIdentities.authenticated) || (path !== undefined && PUBLIC.has(path)) }),
  rules: {
    rulesFor: ({ groups }) => ({
      rules: groups.includes(systemIdentities.authenticated) ? [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, { verbs: ['*'], nonResourceURLs: ['*'] }] : [{ verbs: ['get'], nonResourceURLs: [...PUBLIC] }],
      incomplete: false,
    }),
  },
};

/** Throws Forbidden, in the words of kube-apiserver, unless it is allowed. */
export async function authorize(authorizer: Authorizer, attributes: Attributes): Promise<void> {
  const { allowed, denied, reason } = await authorizer.authorize(attributes);
  if (!allowed || denied === true) throw forbidden(attributes, reason);
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
