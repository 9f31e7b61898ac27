/**
 * Role-based access control as Kubernetes has it, for the HTTP API: roles and bindings, the bootstrap policy, escalation checks, aggregated roles, and the identity of nodes.
 * @packageDocumentation
 */
import { Admissions, Authorizers, Client, Controllers, definePlugin, firstOpinion, Informers, untilAborted } from '@orrery/core';
import { z } from 'zod';
import { escalationCheck } from './admission.js';
import { aggregationController } from './aggregation.js';
import { masters, rbacAuthorizer } from './authorizer.js';
import { reconcileBootstrapPolicy } from './bootstrap/reconcile.js';
import { nodeAuthorizer } from './node/authorizer.js';
import { nodeRestriction } from './node/restriction.js';
import { NodeUses } from './node/uses.js';
import { RoleSource } from './role-source.js';

export { aggregatedRules, aggregationController } from './aggregation.js';
export { masters, rbacAuthorizer } from './authorizer.js';
export { bootstrapBindings } from './bootstrap/bindings.js';
export { reconcileBootstrapPolicy } from './bootstrap/reconcile.js';
export { bootstrapRoles } from './bootstrap/roles.js';
export { escalationOf } from './escalation.js';
export { nodeAuthorizer } from './node/authorizer.js';
export { nodeOf } from './node/identity.js';
export { nodeRestriction } from './node/restriction.js';
export { NodeUses, type UsedKind } from './node/uses.js';
export { type Absent, type Granted, RoleSource } from './role-source.js';
export { missingRights, type Right, ruleAllows, ruleCovers, rulesOfRights } from './rules.js';

const options = z
  .strictObject({
    /** Whether the default roles and bindings are made, and put right whenever it starts. */
    bootstrap: z.boolean().default(true),
    /** Whether agents of nodes (users `system:node:<name>` in the group `system:nodes`) are known, and kept to what is theirs. */
    nodes: z.boolean().default(true),
  })
  .prefault({});

/** Who may do what over the HTTP API is said by roles and bindings. Parts in the process are not asked. */
export const rbac = definePlugin({
  name: 'rbac',
  core: '^0.1.0',
  options,
  setup: ({ add, run, get, options: { bootstrap, nodes } }) => {
    let roles: RoleSource | undefined;
    const source = (): RoleSource => (roles ??= new RoleSource(get(Informers)));
    let used: NodeUses | undefined;
    const uses = (): NodeUses => (used ??= new NodeUses(get(Informers)));

    add(Authorizers, masters);
    if (nodes) {
      add(Authorizers, nodeAuthorizer(uses));
      add(Admissions, nodeRestriction(uses));
    }
    add(Authorizers, rbacAuthorizer(source));
    add(Admissions, escalationCheck(() => ({ roles: source(), client: get(Client), authorizer: firstOpinion(() => get(Authorizers).items()) })));
    add(Controllers, aggregationController());
    run(() => ({
      name: 'rbac',
      phase: 'caches',
      run: async (signal, ready) => {
        if (bootstrap) await reconcileBootstrapPolicy(get(Client));
        await source().ready();
        if (nodes) await uses().ready();
        ready();
        await untilAborted(signal);
      },
    }));
  },
});
