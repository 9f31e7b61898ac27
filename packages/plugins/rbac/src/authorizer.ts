import { type Authorizer, type PolicyRule, systemIdentities } from '@orrery/core';
import type { RoleSource } from './role-source.js';

const EVERYTHING: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

/** Lets the group `system:masters` do everything, whatever roles and bindings there are (the privileged group authorizer of kube-apiserver). */
export const masters: Authorizer = {
  authorize: ({ user }) => ({ allowed: user.groups.includes(systemIdentities.masters) }),
  rules: { rulesFor: ({ groups }) => ({ rules: groups.includes(systemIdentities.masters) ? EVERYTHING : [], incomplete: false }) },
};

/** Allows what roles allow that are bound to who asks; has no opinion else. Waits for the caches to be there. */
export function rbacAuthorizer(source: () => RoleSource): Authorizer {
  return {
    authorize: async (attributes) => {
      const roles = source();
      await roles.ready();
      const { allowedBy, absent } = roles.decide(attributes);
      if (allowedBy !== undefined) return { allowed: true, reason: `RBAC: allowed by ${allowedBy}` };
      const gone = [...new Set(absent.map(({ kind, name }) => `${kind.toLowerCase()}.rbac.authorization.k8s.io ${JSON.stringify(name)} not found`))];
      return { allowed: false, ...(gone.length > 0 && { reason: `RBAC: ${gone.length === 1 ? gone[0] : `[${gone.join(', ')}]`}` }) };
    },
    rules: {
      rulesFor: async (user, namespace) => {
        const roles = source();
        await roles.ready();
        return { rules: roles.rulesFor(user, namespace), incomplete: false };
      },
    },
  };
}
