import type { KindDefinition, ResourceRef, ServedKinds } from '@orrery/core';
import { notServed } from './refusal.js';
import { isReview, reviewKinds } from './reviews/kinds.js';

/** What a subresource answers, and what can be done with it. */
export interface ServedPart {
  readonly name: string;
  readonly verbs: readonly string[];
  /** The kind it answers, where that is not the kind of the object. */
  readonly kind?: { readonly group: string; readonly version: string; readonly kind: string };
}

const VERBS: readonly string[] = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const OF_NAMESPACES = VERBS.filter((verb) => verb !== 'deletecollection');
const OF_REVIEWS: readonly string[] = ['create'];

/** What can be done with objects of a kind. Namespaces are deleted one by one only; reviews are only asked for. */
export function verbsOf(kind: KindDefinition): readonly string[] {
  if (isReview(kind)) return OF_REVIEWS;
  return kind.group === '' && kind.kind === 'Namespace' ? OF_NAMESPACES : VERBS;
}

const CHANGE = ['get', 'patch', 'update'] as const;

/** The subresources of a kind. */
export function partsOf(kind: KindDefinition): readonly ServedPart[] {
  if (isReview(kind)) return [];
  const isPod = kind.group === '' && kind.kind === 'Pod';
  return [
    ...(isPod ? [streamPart('attach', 'PodAttachOptions')] : []),
    ...(isPod ? [{ name: 'binding', verbs: ['create'], kind: { group: '', version: 'v1', kind: 'Binding' } }] : []),
    ...Object.keys(kind.rules.subresources ?? {}).map((name) => ({ name, verbs: CHANGE })),
    ...(isPod ? [{ name: 'eviction', verbs: ['create'], kind: { group: 'policy', version: 'v1', kind: 'Eviction' } }] : []),
    ...(isPod ? [streamPart('exec', 'PodExecOptions')] : []),
    ...(kind.rules.isHeld === undefined ? [] : [{ name: 'finalize', verbs: ['update'] }]),
    ...(isPod ? [streamPart('log', 'Pod', ['get']), streamPart('portforward', 'PodPortForwardOptions')] : []),
    ...(kind.scale === undefined ? [] : [{ name: 'scale', verbs: CHANGE, kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' } }]),
    ...(kind.hasStatus ? [{ name: 'status', verbs: CHANGE }] : []),
  ];
}

/** A stream of pods: what it is opened with is told in the query, as fields of a kind without a version. */
const streamPart = (name: string, kind: string, verbs: readonly string[] = ['create', 'get']): ServedPart => ({ name, verbs, kind: { group: '', version: '', kind } });

/** Kinds of one version of one group. */
export interface GroupVersion {
  readonly group: string;
  readonly version: string;
  readonly kinds: readonly KindDefinition[];
}

/** What is served now: the core group first, else in the order in which groups were added; the kinds of one by their names. */
export function groupVersions(kinds: ServedKinds): readonly GroupVersion[] {
  const found = new Map<string, { group: string; version: string; kinds: KindDefinition[] }>();
  for (const kind of [...kinds.list(), ...reviewKinds]) {
    const one = found.get(kind.apiVersion) ?? { group: kind.group, version: kind.version, kinds: [] };
    found.set(kind.apiVersion, one);
    one.kinds.push(kind);
  }
  for (const { kinds: some } of found.values()) some.sort((a, b) => (a.plural < b.plural ? -1 : 1));
  return [...found.values()].sort((a, b) => Number(a.group !== '') - Number(b.group !== ''));
}

/** The kind that a path is about. Throws NotFound when there is none. */
export function kindAt(kinds: ServedKinds, ref: ResourceRef): KindDefinition {
  const isAt = ({ group, version, plural }: KindDefinition): boolean => group === ref.group && version === ref.version && plural === ref.resource;
  const kind = kinds.list().find(isAt) ?? reviewKinds.find(isAt);
  if (kind === undefined) throw notServed();
  return kind;
}
