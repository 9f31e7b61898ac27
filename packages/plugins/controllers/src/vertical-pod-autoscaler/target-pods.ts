import { type ControllerSetup, type KindDefinition, type KubeObject, type LabelMatcher, labelMatcher, type LabelSelector, type Lister, parseLabelSelector, type Pod, readPath } from '@orrery/core';
import type { VerticalPodAutoscaler } from './kind.js';

/** Kinds whose pods can be found: those with a scale subresource, and DaemonSets, which have none. */
export const kindsWithPods = (kinds: readonly KindDefinition[]): readonly KindDefinition[] => kinds.filter(({ scale, kind, group }) => scale !== undefined || (kind === 'DaemonSet' && group === 'apps'));

/** Reads objects of these kinds. */
export type TargetListers = ReadonlyMap<KindDefinition, Lister<KubeObject>>;

/** Caches of all kinds that can be targets. */
export const targetListers = (setup: Pick<ControllerSetup, 'informer'>, kinds: readonly KindDefinition[]): TargetListers => new Map(kindsWithPods(kinds).map((kind) => [kind, setup.informer(kind).lister]));

/** The selector of the pods of an autoscaler's target, and how many it wants; undefined when there is no such target, or its selector says nothing. */
export function targetOf({ metadata, spec }: VerticalPodAutoscaler, listers: TargetListers): { readonly selector: LabelMatcher; readonly wanted: number | undefined } | undefined {
  const { apiVersion = '', kind, name } = spec.targetRef;
  const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : '';
  for (const [definition, lister] of listers) {
    if (definition.kind !== kind || definition.group !== group) continue;
    const object = lister.get(definition.namespaced ? `${metadata.namespace}/${name}` : name);
    const selector = object && selectorOf(definition, object);
    if (object === undefined || selector === undefined) continue;
    const wanted = definition.scale === undefined ? undefined : readPath(object, definition.scale.specReplicas);
    return { selector, wanted: typeof wanted === 'number' ? wanted : undefined };
  }
  return undefined;
}

function selectorOf({ scale }: KindDefinition, object: KubeObject): LabelMatcher | undefined {
  const selector = readPath(object, scale?.labelSelector ?? '.spec.selector');
  if (selector === undefined || selector === '') return undefined;
  try {
    const matcher = typeof selector === 'string' ? parseLabelSelector(selector) : labelMatcher(selector as LabelSelector);
    return matcher.empty ? undefined : matcher;
  } catch (error) {
    // What is no selector selects nothing.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The pods that a selector selects. */
export const podsOf = (pods: Lister<Pod>, namespace: string, selector: LabelMatcher): readonly Pod[] => pods.list(namespace).filter(({ metadata }) => selector.matches(metadata.labels));
