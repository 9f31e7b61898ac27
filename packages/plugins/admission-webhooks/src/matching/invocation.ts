import { ApiError, everything, type KindDefinition, type LabelMatcher, labelMatcher } from '@orrery/core';
import type { Webhook } from '../kinds/forms.js';
import { ruleMatches } from './rules.js';
import { type Facts, isExempt } from './subject.js';

/** A webhook of a configuration. */
export interface Hook {
  readonly webhook: Webhook;
  /** Name of its configuration. */
  readonly configuration: string;
  /** Tells it from all others, also from one of the same name. */
  readonly id: string;
  readonly inNamespace: LabelMatcher;
  readonly ofObject: LabelMatcher;
}

/** A webhook, ready to be matched. */
export function hookOf(webhook: Webhook, configuration: string, index: number): Hook {
  const matcher = (selector: Webhook['objectSelector']): LabelMatcher => (selector === undefined ? everything : labelMatcher(selector));
  return { webhook, configuration, id: `${configuration}/${webhook.name}/${index}`, inNamespace: matcher(webhook.namespaceSelector), ofObject: matcher(webhook.objectSelector) };
}

/** What a namespace selector looks at; undefined: the request is in none. */
export type NamespaceLabels = () => Promise<Readonly<Record<string, string>> | undefined>;

/** Which version of the kind a webhook is to be told of; undefined: it is not asked. Throws `ApiError` NotFound when it would be and there is no such namespace. */
export async function versionFor(hook: Hook, facts: Facts, versions: readonly KindDefinition[], labelsOf: NamespaceLabels): Promise<string | undefined> {
  if (isExempt(facts)) return undefined;
  const { rules = [], matchPolicy } = hook.webhook;
  const isAsked = (version: string): boolean => rules.some((rule) => ruleMatches(rule, { ...facts, version }));
  const version = isAsked(facts.version) ? facts.version : matchPolicy === 'Equivalent' ? versions.find((kind) => isAsked(kind.version))?.version : undefined;
  if (version === undefined || !objectMatches(hook.ofObject, facts)) return undefined;
  if (hook.inNamespace.empty) return version;
  if (!facts.isNamespaced && facts.resource !== 'namespaces') return version;
  const labels = await labelsOf();
  if (labels === undefined) throw ApiError.notFound({ group: '', plural: 'namespaces' }, facts.namespace);
  return hook.inNamespace.matches(labels) ? version : undefined;
}

const objectMatches = (matcher: LabelMatcher, { object, old }: Facts): boolean => matcher.empty || [object, old].some((one) => one !== undefined && matcher.matches(one.metadata.labels ?? {}));
