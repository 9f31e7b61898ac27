import {
  type CrossVersionObjectReference, type KindDefinition, type KubeObject, type LabelMatcher, labelMatcher, type LabelSelector, parseLabelSelector, readPath,
} from '@orrery/core';

/** The scale of a target (autoscaling/v1 Scale), read from the object itself. */
export interface TargetScale {
  readonly specReplicas: number;
  readonly statusReplicas: number;
  /** Undefined: the kind has none, or this object's selects nothing in particular. */
  readonly selector: LabelMatcher | undefined;
}

/** A kind that can be scaled. */
export type ScalableKind = KindDefinition & { readonly scale: NonNullable<KindDefinition['scale']> };

/** Those of the kinds that have a scale subresource. */
export const scalableKinds = (kinds: readonly KindDefinition[]): readonly ScalableKind[] => kinds.filter((kind): kind is ScalableKind => kind.scale !== undefined);

/** The kind a reference means: of its group, in its version if there is one, else in any. */
export function kindOfTarget(kinds: readonly ScalableKind[], { apiVersion = '', kind }: CrossVersionObjectReference): ScalableKind | undefined {
  const candidates = kinds.filter((one) => one.kind === kind && one.group === groupOf(apiVersion));
  return candidates.find((one) => one.apiVersion === apiVersion) ?? candidates[0];
}

/** `namespace/group/kind/name`: what autoscalers of the same target have in common. */
export const targetKey = (namespace: string, { apiVersion = '', kind, name }: CrossVersionObjectReference): string => `${namespace}/${groupOf(apiVersion)}/${kind}/${name}`;

const groupOf = (apiVersion: string): string => (apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '');

/** The scale of an object. Throws RangeError with the reason when its selector cannot be read. */
export function scaleOf({ scale }: ScalableKind, object: KubeObject): TargetScale {
  const found = known.get(object);
  if (found !== undefined) return found;
  const number = (path: string): number => Number(readPath(object, path) ?? 0);
  const selector = scale.labelSelector === undefined ? undefined : readPath(object, scale.labelSelector);
  const made = { specReplicas: number(scale.specReplicas), statusReplicas: number(scale.statusReplicas), selector: matcherOf(selector) };
  known.set(object, made);
  return made;
}

/** Made once per version of an object: autoscalers of a namespace look at each other's targets. */
const known = new WeakMap<KubeObject, TargetScale>();

function matcherOf(selector: unknown): LabelMatcher | undefined {
  if (selector === undefined || selector === '') return undefined;
  return typeof selector === 'string' ? parseLabelSelector(selector) : labelMatcher(selector as LabelSelector);
}

/** Whether a requirement names the values that will do. */
export const isExact = ({ operator }: LabelMatcher['requirements'][number]): boolean => operator === '=' || operator === '==' || operator === 'in';

/** The labels that pods of a target have: those of its template, or else what its selector asks for exactly. */
export function podLabelsOf(object: KubeObject, selector: LabelMatcher | undefined): Readonly<Record<string, string>> {
  const labels = readPath(object, '.spec.template.metadata.labels');
  if (typeof labels === 'object' && labels !== null) return labels as Record<string, string>;
  return Object.fromEntries((selector?.requirements ?? []).flatMap((one) => (isExact(one) && one.values.length === 1 ? [[one.key, one.values[0] ?? '']] : [])));
}
