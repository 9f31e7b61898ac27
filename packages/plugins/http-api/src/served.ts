import type { KindDefinition, ResourceRef, ServedKinds, Subresource } from '@orrery/core';
import { doorKinds, doorVerbs } from './door-kinds.js';
import { notServed } from './refusal.js';

/** What a subresource answers, and what can be done with it. */
export interface ServedPart {
  readonly name: string;
  readonly verbs: readonly string[];
  /** The kind it answers, where that is not the kind of the object. */
  readonly kind?: { readonly group: string; readonly version: string; readonly kind: string };
}

const VERBS: readonly string[] = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const OF_NAMESPACES = VERBS.filter((verb) => verb !== 'deletecollection');

/** What can be done with objects of a kind. Namespaces are deleted one by one only; reviews are only asked for, and metrics looked at. */
export function verbsOf(kind: KindDefinition): readonly string[] {
  return doorVerbs(kind) ?? storedVerbs(kind);
}

function storedVerbs(kind: KindDefinition): readonly string[] {
  return kind.group === '' && kind.kind === 'Namespace' ? OF_NAMESPACES : VERBS;
}

const CHANGE = ['get', 'patch', 'update'] as const;

/** The subresources of a kind, with those that plugins add. */
export function partsOf(kind: KindDefinition, added: readonly Subresource[] = []): readonly ServedPart[] {
  if (doorVerbs(kind) !== undefined) return [];
  const own = added.filter(({ group, resource }) => group === kind.group && resource === kind.plural);
  const isPod = kind.group === '' && kind.kind === 'Pod';
  const isProxied = kind.group === '' && PROXIED.has(kind.kind);
  const parts: readonly ServedPart[] = [
    ...(isPod ? [streamPart('attach', 'PodAttachOptions')] : []),
    ...(isPod ? [{ name: 'binding', verbs: ['create'], kind: { group: '', version: 'v1', kind: 'Binding' } }] : []),
    ...Object.keys(kind.rules.subresources ?? {}).map((name) => ({ name, verbs: CHANGE })),
    ...(isPod ? [{ name: 'eviction', verbs: ['create'], kind: { group: 'policy', version: 'v1', kind: 'Eviction' } }] : []),
    ...(isPod ? [streamPart('exec', 'PodExecOptions')] : []),
    ...(kind.rules.isHeld === undefined ? [] : [{ name: 'finalize', verbs: ['update'] }]),
    ...(isPod ? [streamPart('log', 'Pod', ['get']), streamPart('portforward', 'PodPortForwardOptions')] : []),
    ...(isProxied ? [streamPart('proxy', `${kind.kind}ProxyOptions`, ['create', 'delete', 'get', 'patch', 'update'])] : []),
    ...(kind.scale === undefined ? [] : [{ name: 'scale', verbs: CHANGE, kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' } }]),
    ...(kind.hasStatus ? [{ name: 'status', verbs: CHANGE }] : []),
    ...own.map(({ name, kind: { group, version, kind: answered } }) => ({ name, verbs: ['create'], kind: { group, version, kind: answered } })),
  ];
  return parts.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Kinds whose objects serve something themselves. */
const PROXIED: ReadonlySet<string> = new Set(['Node', 'Pod', 'Service']);

/** A stream of pods: what it is opened with is told in the query, as fields of a kind without a version. */
const streamPart = (name: string, kind: string, verbs: readonly string[] = ['create', 'get']): ServedPart => ({ name, verbs, kind: { group: '', version: '', kind } });

/** Kinds of one version of one group. */
export interface GroupVersion {
  readonly group: string;
  readonly version: string;
  readonly kinds: readonly KindDefinition[];
  /** What plugins add to them. */
  readonly subresources: readonly Subresource[];
}

/** What is served now: the core group first, else in the order in which groups were added; the kinds of one by their names. */
export function groupVersions(kinds: ServedKinds, subresources: readonly Subresource[] = []): readonly GroupVersion[] {
  const found = new Map<string, GroupVersion & { kinds: KindDefinition[] }>();
  for (const kind of [...kinds.list(), ...doorKinds]) {
    const one = found.get(kind.apiVersion) ?? { group: kind.group, version: kind.version, kinds: [], subresources };
    found.set(kind.apiVersion, one);
    one.kinds.push(kind);
  }
  for (const { kinds: some } of found.values()) some.sort((a, b) => (a.plural < b.plural ? -1 : 1));
  return [...found.values()].sort((a, b) => Number(a.group !== '') - Number(b.group !== ''));
}

/** The kind that a path is about. Throws NotFound when there is none. */
export function kindAt(kinds: ServedKinds, ref: ResourceRef): KindDefinition {
  const isAt = ({ group, version, plural }: KindDefinition): boolean => group === ref.group && version === ref.version && plural === ref.resource;
  const kind = kinds.list().find(isAt) ?? doorKinds.find(isAt);
  if (kind === undefined) throw notServed();
  return kind;
}
