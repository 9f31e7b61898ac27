import type { KindDefinition } from '../model/kind.js';

/** Where the objects of a kind are stored: `/registry/<group or core>/<plural>/`, in the manner of kube-apiserver. */
export const prefixOf = (kind: Pick<KindDefinition, 'group' | 'plural'>): string => `/registry/${kind.group === '' ? 'core' : kind.group}/${kind.plural}/`;

/** The key of one object. Names were checked before, so they hold no slash. */
export const storageKey = (kind: Pick<KindDefinition, 'group' | 'plural' | 'namespaced'>, namespace: string | undefined, name: string): string =>
  kind.namespaced ? `${prefixOf(kind)}${namespace ?? ''}/${name}` : `${prefixOf(kind)}${name}`;

/** What a key of the store is about: the group ('' is the core) and plural of the kind; undefined when no object is kept there. */
export function resourceOfKey(key: string): { readonly group: string; readonly resource: string } | undefined {
  const [, group, resource] = /^\/registry\/([^/]+)\/([^/]+)\/./.exec(key) ?? [];
  return group === undefined || resource === undefined ? undefined : { group: group === 'core' ? '' : group, resource };
}

/** The prefix of a list: of one namespace, or of all. */
export const listPrefix = (kind: Pick<KindDefinition, 'group' | 'plural' | 'namespaced'>, namespace: string | undefined): string =>
  kind.namespaced && namespace !== undefined && namespace !== '' ? `${prefixOf(kind)}${namespace}/` : prefixOf(kind);
