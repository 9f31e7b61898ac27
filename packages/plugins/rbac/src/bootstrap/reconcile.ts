import { ApiError, type Client, ClusterRole, ClusterRoleBinding, equalJson, type KindDefinition, type KubeObject } from '@orrery/core';
import { missingRights, rulesOfRights } from '../rules.js';
import { bootstrapBindings } from './bindings.js';
import { AUTOUPDATE, bootstrapRoles } from './roles.js';

/** What is to be done with one default object. */
export type Repair<T> = { readonly action: 'nothing' } | { readonly action: 'create' | 'update' | 'replace'; readonly object: T };

const NOTHING = { action: 'nothing' } as const;

/** Labels and annotations that are missing are added; those that are there stay. */
function withMetadata<T extends KubeObject>(found: T, wanted: T): T {
  const { labels, annotations } = wanted.metadata;
  return { ...found, metadata: { ...found.metadata, labels: { ...labels, ...found.metadata.labels }, annotations: { ...annotations, ...found.metadata.annotations } } };
}

const isLeftAlone = ({ metadata }: KubeObject): boolean => metadata.annotations?.[AUTOUPDATE] === 'false';
const changed = <T extends KubeObject>(found: T, next: T): Repair<T> => (equalJson(found, next) ? NOTHING : { action: 'update', object: next });

/** Puts back what a default role lacks; more than that it may have. The rules of aggregated roles are their controller's. Pure. */
export function repairRole(wanted: ClusterRole, found: ClusterRole | undefined): Repair<ClusterRole> {
  if (found === undefined) return { action: 'create', object: wanted };
  if (isLeftAlone(found)) return NOTHING;
  const next = withMetadata(found, wanted);
  if (wanted.aggregationRule === undefined) {
    const missing = rulesOfRights(missingRights(found.rules, wanted.rules) ?? []);
    return changed(found, missing.length === 0 ? next : { ...next, rules: [...found.rules, ...missing] });
  }
  const selectors = found.aggregationRule?.clusterRoleSelectors ?? [];
  const lacking = (wanted.aggregationRule.clusterRoleSelectors ?? []).filter((selector) => !selectors.some((one) => equalJson(one, selector)));
  return changed(found, lacking.length === 0 ? next : { ...next, aggregationRule: { clusterRoleSelectors: [...selectors, ...lacking] } });
}

/** Puts back the subjects that a default binding lacks; one of another role is made anew, for roles of bindings cannot change. Pure. */
export function repairBinding(wanted: ClusterRoleBinding, found: ClusterRoleBinding | undefined): Repair<ClusterRoleBinding> {
  if (found === undefined) return { action: 'create', object: wanted };
  if (isLeftAlone(found)) return NOTHING;
  if (!equalJson(found.roleRef, wanted.roleRef)) return { action: 'replace', object: wanted };
  const subjects = found.subjects ?? [];
  const lacking = (wanted.subjects ?? []).filter((subject) => !subjects.some((one) => equalJson(one, subject)));
  return changed(found, { ...withMetadata(found, wanted), ...(lacking.length > 0 && { subjects: [...subjects, ...lacking] }) });
}

/** Makes the default roles and bindings, and puts back what they lack, as kube-apiserver does whenever it starts. Several may do so at the same time. */
export async function reconcileBootstrapPolicy(client: Client): Promise<void> {
  await repairAll(client, ClusterRole, bootstrapRoles(), repairRole);
  await repairAll(client, ClusterRoleBinding, bootstrapBindings(), repairBinding);
}

/** Turns of one object at most: each that fails means that somebody else wrote it. */
const TURNS = 10;

async function repairAll<T extends KubeObject>(client: Client, kind: KindDefinition<T>, all: readonly T[], repair: (wanted: T, found: T | undefined) => Repair<T>): Promise<void> {
  const found = new Map((await client.kind(kind).list()).items.map((object) => [object.metadata.name, object]));
  for (const wanted of all) {
    let current = found.get(wanted.metadata.name);
    for (let turn = 1; ; turn += 1) {
      try {
        await carryOut(client, kind, repair(wanted, current));
        break;
      } catch (error) {
        if (turn === TURNS || !(ApiError.is(error, 'Conflict') || ApiError.is(error, 'AlreadyExists') || ApiError.is(error, 'NotFound'))) throw error;
        current = await client.kind(kind).find({ name: wanted.metadata.name ?? '' });
      }
    }
  }
}

async function carryOut<T extends KubeObject>(client: Client, kind: KindDefinition<T>, repair: Repair<T>): Promise<void> {
  if (repair.action === 'nothing') return;
  const { object } = repair;
  if (repair.action === 'replace') await client.kind(kind).delete({ name: object.metadata.name ?? '' });
  if (repair.action === 'update') await client.kind(kind).update(object);
  else await client.kind(kind).create(object);
}
