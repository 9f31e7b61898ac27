import {
  type Attributes, ClusterRole, ClusterRoleBinding, type Informer, type Informers, type PolicyRule, Role, RoleBinding, type RoleRef, type Subject, systemIdentities, type UserInfo,
} from '@orrery/core';
import { ruleAllows } from './rules.js';

const SUBJECT = 'rbac.subject';
const q = JSON.stringify;

/** A rule that somebody has, and why. */
export interface Granted {
  readonly rule: PolicyRule;
  /** e.g. `ClusterRoleBinding "a" of ClusterRole "b" to Group "c"`. */
  readonly by: string;
}

/** A role that a binding names and that is not there. */
export interface Absent {
  readonly absent: RoleRef;
}

/** How a subject of a binding is filed; `namespace` is the binding's, for service accounts that name none. */
function keyOfSubject({ kind, name, namespace = '' }: Subject, own = ''): string {
  if (kind === 'Group') return `g ${name}`;
  return kind === 'ServiceAccount' ? `u ${systemIdentities.serviceAccountUser}${namespace === '' ? own : namespace}:${name}` : `u ${name}`;
}

// One function each for good: caches are shared, also with who takes this plugin's place.
const keysInNamespace = ({ metadata, subjects = [] }: RoleBinding): readonly string[] => subjects.map((subject) => `${metadata.namespace} ${keyOfSubject(subject, metadata.namespace)}`);
const keysEverywhere = ({ subjects = [] }: ClusterRoleBinding): readonly string[] => subjects.map((subject) => keyOfSubject(subject));

/**
 * Roles and bindings as caches have them, bindings filed by their subjects: what somebody may do is found without looking at anybody else's.
 */
export class RoleSource {
  readonly #roles: Informer<Role>;
  readonly #clusterRoles: Informer<ClusterRole>;
  readonly #bindings: Informer<RoleBinding>;
  readonly #clusterBindings: Informer<ClusterRoleBinding>;
  #isReady = false;
  readonly #synced: Promise<void>;

  constructor(informers: Informers) {
    this.#roles = informers.get(Role);
    this.#clusterRoles = informers.get(ClusterRole);
    this.#bindings = informers.get(RoleBinding, { indexes: { [SUBJECT]: keysInNamespace } });
    this.#clusterBindings = informers.get(ClusterRoleBinding, { indexes: { [SUBJECT]: keysEverywhere } });
    const all = [this.#roles, this.#clusterRoles, this.#bindings, this.#clusterBindings];
    this.#synced = Promise.all(all.map((informer) => informer.synced())).then(() => {
      this.#isReady = true;
    });
    // Who waits for it is told; nobody may be waiting when the caches end early.
    this.#synced.catch(() => undefined);
  }

  /** Resolves when the caches are there; undefined when they are already. */
  ready(): Promise<void> | undefined {
    return this.#isReady ? undefined : this.#synced;
  }

  /** The rules that somebody has everywhere, and in a namespace if one is given. */
  *granted(user: UserInfo, namespace: string | undefined): Generator<Granted | Absent, void, undefined> {
    const keys = [`u ${user.name}`, ...user.groups.map((group) => `g ${group}`)];
    for (const key of keys) {
      for (const binding of this.#clusterBindings.lister.byIndex(SUBJECT, key)) yield* this.#rulesOf(binding, key, undefined);
    }
    if (namespace === undefined || namespace === '') return;
    for (const key of keys) {
      for (const binding of this.#bindings.lister.byIndex(SUBJECT, `${namespace} ${key}`)) yield* this.#rulesOf(binding, key, namespace);
    }
  }

  /** The rules that somebody has, without reasons. */
  rulesFor(user: UserInfo, namespace: string | undefined): PolicyRule[] {
    const rules: PolicyRule[] = [];
    for (const one of this.granted(user, namespace)) if ('rule' in one) rules.push(one.rule);
    return rules;
  }

  /** The rules of a role, in the namespace of its binding; undefined when there is no such role. */
  rulesOfRole({ kind, name }: RoleRef, namespace: string | undefined): readonly PolicyRule[] | undefined {
    if (kind === 'ClusterRole') return this.#clusterRoles.lister.get(name)?.rules;
    return namespace === undefined ? undefined : this.#roles.lister.get(`${namespace}/${name}`)?.rules;
  }

  /** Which rule allows a request, or the roles that are missing. */
  decide(attributes: Attributes): { readonly allowedBy?: string; readonly absent: readonly RoleRef[] } {
    const absent: RoleRef[] = [];
    for (const one of this.granted(attributes.user, attributes.ref?.namespace)) {
      if ('absent' in one) absent.push(one.absent);
      else if (ruleAllows(one.rule, attributes)) return { allowedBy: one.by, absent };
    }
    return { absent };
  }

  *#rulesOf({ metadata, roleRef, subjects = [] }: RoleBinding | ClusterRoleBinding, key: string, namespace: string | undefined): Generator<Granted | Absent, void, undefined> {
    const rules = this.rulesOfRole(roleRef, namespace);
    if (rules === undefined) {
      yield { absent: roleRef };
      return;
    }
    const subject = subjects.find((one) => keyOfSubject(one, namespace) === key);
    const place = namespace === undefined ? '' : `/${namespace}`;
    const by = `${namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding'} ${q(`${metadata.name}${place}`)} of ${roleRef.kind} ${q(roleRef.name)} to ${subject?.kind} ${q(subject?.name)}`;
    for (const rule of rules) yield { rule, by };
  }
}
