import type { KindDefinition } from '@orrery/core';
import type { CustomResourceDefinition, DefinitionNames } from '../definition/form.js';

/** Which names a definition has, and why it has not all it wants. */
export interface NamePlan {
  readonly accepted: DefinitionNames;
  /** Of the last name that is taken, as reason and message of the condition NamesAccepted; undefined: none is. */
  readonly conflict?: { readonly reason: string; readonly message: string };
}

/** What the other resources of a group are called. */
interface Taken {
  readonly resources: ReadonlySet<string>;
  readonly kinds: ReadonlySet<string>;
}

/**
 * Which names a definition gets: each that no other resource of its group has; of those that are taken it keeps what it had (apiextensions naming controller). `others`: all definitions
 * but this one; `served`: kinds that are no definitions. Pure.
 */
export function planNames(definition: CustomResourceDefinition, others: readonly CustomResourceDefinition[], served: readonly KindDefinition[]): NamePlan {
  const { group, names } = definition.spec;
  const had = definition.status?.acceptedNames;
  const taken = takenIn(group, others, served);
  let conflict: NamePlan['conflict'];
  const free = (reason: string, name: string, among: ReadonlySet<string>): boolean => {
    if (name === '' || !among.has(name)) return true;
    conflict = { reason, message: `${JSON.stringify(name)} is already in use` };
    return false;
  };
  const { singular = '', shortNames = [], listKind = '', categories } = names;
  const plural = free('PluralConflict', names.plural, taken.resources) ? names.plural : (had?.plural ?? '');
  const one = free('SingularConflict', singular, taken.resources) ? singular : (had?.singular ?? '');
  const shorts = shortNames.every((name) => free('ShortNamesConflict', name, taken.resources)) ? shortNames : (had?.shortNames ?? []);
  const kind = free('KindConflict', names.kind, taken.kinds) ? names.kind : (had?.kind ?? '');
  const list = free('ListKindConflict', listKind, taken.kinds) ? listKind : (had?.listKind ?? '');
  const accepted = { plural, kind, ...(one !== '' && { singular: one }), ...(shorts.length > 0 && { shortNames: shorts }), ...(list !== '' && { listKind: list }), ...(categories !== undefined && { categories }) };
  return { accepted, ...(conflict !== undefined && { conflict }) };
}

function takenIn(group: string, others: readonly CustomResourceDefinition[], served: readonly KindDefinition[]): Taken {
  const resources = new Set<string>();
  const kinds = new Set<string>();
  for (const { spec, status } of others) {
    if (spec.group !== group || status?.acceptedNames === undefined) continue;
    const { plural, singular = '', shortNames = [], kind, listKind = '' } = status.acceptedNames;
    for (const name of [plural, singular, ...shortNames]) resources.add(name);
    for (const name of [kind, listKind]) kinds.add(name);
  }
  for (const kind of served) {
    if (kind.group !== group) continue;
    for (const name of [kind.plural, kind.singular, ...kind.shortNames]) resources.add(name);
    for (const name of [kind.kind, kind.listKind]) kinds.add(name);
  }
  return { resources, kinds };
}
