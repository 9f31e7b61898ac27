import type { Column } from '../kind.js';
import type { Container } from '../kinds/container.js';
import type { LabelSelector } from '../kinds/selectors.js';
import { labelMatcher } from '../label-selector.js';
import type { KubeObject } from '../object.js';
import { since } from './human-duration.js';

// Cells that several kinds have (pkg/printers/internalversion).

type Of<T> = NonNullable<Column<T & KubeObject>['value']>;
type Type = Column['type'];

/** A column. */
export const column = <T extends KubeObject>(name: string, value: Of<T>, type: Type = 'string'): Column<T> => ({ name, type, value });
/** A column that only `-o wide` shows. */
export const wide = <T extends KubeObject>(name: string, value: Of<T>, type: Type = 'string'): Column<T> => ({ name, type, priority: 1, value });
/** How old the object is. */
export const age = <T extends KubeObject>(): Column<T> => column('Age', ({ metadata }, now) => since(metadata.creationTimestamp, now));

/** A text, or what stands for none. */
export const orNone = (text: string | undefined, none = '<none>'): string => (text === undefined || text === '' ? none : text);
/** Labels as `a=1,b=2` (labels.FormatLabels). */
export const labelsText = (labels: Readonly<Record<string, string>> | undefined): string =>
  orNone(Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`).sort().join(','));

/** A selector as text (metav1.FormatLabelSelector). */
export function selectorText(selector: LabelSelector | undefined): string {
  try {
    return selector === undefined ? '<none>' : orNone(labelMatcher(selector).toString());
  } catch (error) {
    if (error instanceof RangeError) return '<error>';
    throw error;
  }
}

/** Names of containers. */
export const namesOf = (containers: readonly Container[]): string => containers.map(({ name }) => name).join(',');
/** Their images. */
export const imagesOf = (containers: readonly Container[]): string => containers.map(({ image = '' }) => image).join(',');

/** A few of many, and how many more (listWithMoreString). */
export function fewOf(texts: readonly string[], shown: number, none: string, separator = ','): string {
  const text = texts.slice(0, shown).join(separator);
  if (texts.length > shown) return `${text} + ${texts.length - shown} more...`;
  return orNone(text, none);
}
