import type { Selection } from '../contracts/transport.js';
import { ApiError } from '../model/api-error.js';
import { parseFieldSelector } from '../model/field-selector.js';
import type { KindDefinition } from '../model/kind.js';
import { parseLabelSelector } from '../model/label-selector.js';
import type { KubeObject } from '../model/object.js';
import type { WatchInterest } from './watch-cache.js';

/** A selection ready to use. Absent `matches` means everything. */
export interface CompiledSelection {
  readonly matches?: (object: KubeObject) => boolean;
  /** One field that must have one value, by which watchers can be found. */
  readonly trigger?: NonNullable<WatchInterest['trigger']>;
}

/** Compiles label and field selectors. Throws BadRequest when they do not parse or name a field that cannot be selected by. */
export function compileSelection(kind: KindDefinition, selection: Selection): CompiledSelection {
  const tests: ((object: KubeObject) => boolean)[] = [];
  let trigger: CompiledSelection['trigger'];
  if (selection.labelSelector !== undefined && selection.labelSelector !== '') {
    const labels = refuse('labelSelector', () => parseLabelSelector(selection.labelSelector as string));
    tests.push((object) => labels.matches(object.metadata.labels ?? {}));
  }
  if (selection.fieldSelector !== undefined && selection.fieldSelector !== '') {
    const fields = refuse('fieldSelector', () => parseFieldSelector(selection.fieldSelector as string));
    for (const { field, value, operator } of fields.requirements) {
      const read = fieldReader(kind, field);
      const equals = operator !== '!=';
      tests.push((object) => (read(object) === value) === equals);
      if (equals) trigger ??= { field: kind.rules.fieldAliases?.[field] ?? field, value, read };
    }
  }
  if (tests.length === 0) return {};
  return { matches: (object) => tests.every((test) => test(object)), ...(trigger && { trigger }) };
}

function fieldReader(kind: KindDefinition, label: string): (object: KubeObject) => string {
  const field = kind.rules.fieldAliases?.[label] ?? label;
  if (field === 'metadata.name') return (object) => object.metadata.name ?? '';
  if (field === 'metadata.namespace' && kind.namespaced) return (object) => object.metadata.namespace ?? '';
  const read = kind.rules.selectableFields?.[field];
  if (read === undefined) throw unknownField(kind, label.slice(0, 100));
  return read;
}

/** Kinds without fields of their own to select by name those that all have. */
function unknownField({ namespaced, rules: { selectableFields = {}, fieldAliases = {} } }: KindDefinition, label: string): ApiError {
  if (Object.keys(selectableFields).length + Object.keys(fieldAliases).length > 0) return ApiError.badRequest(`field label not supported: ${label}`);
  return ApiError.badRequest(`${JSON.stringify(label)} is not a known field selector: only "metadata.name"${namespaced ? ', "metadata.namespace"' : ''}`);
}

function refuse<T>(what: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw ApiError.badRequest(`unable to parse ${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
