import { equalJson } from './json.js';
import type { DaemonSet } from './kinds/daemonset.js';

/** Counts the templates a DaemonSet has had. Older than ControllerRevisions; tools still read it. */
export const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation';

/** The count of templates on an object, if there is a good one (GetTemplateGeneration). */
export function templateGeneration({ metadata }: Pick<DaemonSet, 'metadata'>): number | undefined {
  const text = metadata.annotations?.[TEMPLATE_GENERATION] ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Keeps the count of templates; what clients say of it holds on creation only (daemonSetStrategy). */
export function countTemplates(draft: DaemonSet, old?: DaemonSet): void {
  const before = old === undefined ? (templateGeneration(draft) ?? 0) : (templateGeneration(old) ?? 0);
  const changed = old !== undefined && !equalJson(draft.spec.template, old.spec.template);
  const count = old === undefined ? Math.max(before, 1) : before + (changed ? 1 : 0);
  draft.metadata.annotations = { ...draft.metadata.annotations, [TEMPLATE_GENERATION]: String(count) };
}
