import { canonicalJson, ControllerRevision, equalJson, type KubeObject, millisOfTime, type PodTemplateSpec } from '@orrery/core';
import { controllerRefOf } from '../shared/claim.js';

/** On pods of StatefulSets the name of their revision, on those of DaemonSets (and on their revisions) its hash. */
export const REVISION_LABEL = 'controller-revision-hash';
/** On revisions of StatefulSets: the hash of their data. */
export const DATA_HASH_LABEL = 'controller.kubernetes.io/hash';

/** Longest beginning of a revision's name; with a dash and a hash it is a name still. */
const LONGEST_PREFIX = 223;

/** What a revision holds: a strategic merge patch that gives its owner that template again (getPatch). */
export function templatePatch(template: PodTemplateSpec): Record<string, unknown> {
  return { spec: { template: { ...template, $patch: 'replace' } } };
}

/** How a kind makes a revision of its template. */
export interface RevisionStyle {
  /** The hash that tells its revisions apart. */
  hash(data: Record<string, unknown>, collisionCount: number): string;
  /** The label that carries it. */
  readonly label: string;
}

/** An object with a template whose past is kept. */
export type Versioned = KubeObject & { readonly spec: { readonly template: PodTemplateSpec } };

/** A revision of the owner's present template, not yet stored (history.NewControllerRevision). Pure. */
export function newRevision(owner: Versioned, style: RevisionStyle, revision: number, collisionCount: number): ControllerRevision {
  const data = templatePatch(owner.spec.template);
  const hash = style.hash(data, collisionCount);
  const { name = '', namespace, annotations } = owner.metadata;
  return {
    apiVersion: ControllerRevision.apiVersion,
    kind: ControllerRevision.kind,
    metadata: {
      name: `${name.slice(0, LONGEST_PREFIX)}-${hash}`,
      ...(namespace !== undefined && { namespace }),
      labels: { ...owner.spec.template.metadata?.labels, [style.label]: hash },
      ...(annotations !== undefined && { annotations }),
      ownerReferences: [controllerRefOf(owner)],
    },
    data,
    revision,
  };
}

/** Whether two revisions stand for the same state (EqualRevision). */
export const sameRevision = (a: ControllerRevision, b: ControllerRevision): boolean => equalJson(a.data, b.data);

/** The text that a revision's data is hashed as. */
export const dataText = (data: Record<string, unknown>): string => canonicalJson(data);

/** The oldest first: by number, then by age, then by name (SortControllerRevisions). */
export function byRevision(a: ControllerRevision, b: ControllerRevision): number {
  return a.revision - b.revision || created(a) - created(b) || (nameOf(a) < nameOf(b) ? -1 : nameOf(a) > nameOf(b) ? 1 : 0);
}

const created = ({ metadata }: ControllerRevision): number => millisOfTime(metadata.creationTimestamp ?? '') ?? 0;

/** The name of a revision. */
export const nameOf = ({ metadata }: ControllerRevision): string => metadata.name ?? '';
