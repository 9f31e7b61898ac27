import { equalJson } from '@orrery/core';

// The JSON paths of printer columns (client-go jsonpath, as far as columns use it): `.a.b`, `['a.b']`, `.a\.b`, `[0]`, `[-1]`, `[*]`, `[?(@.type=="Ready")]`.

type Step =
  | { readonly type: 'field'; readonly name: string }
  | { readonly type: 'index'; readonly index: number }
  | { readonly type: 'all' }
  | { readonly type: 'filter'; readonly path: readonly Step[]; readonly operator: string | undefined; readonly value: unknown };

/** A path that was read. */
export type JsonPath = readonly Step[];

const MAX_PATH = 2048;
const FIELD = /^\.((?:[^.[\]\\\s'"]|\\.)+)/;
const QUOTED = /^\['((?:[^'\\]|\\.)*)'\]/;
const INDEX = /^\[(-?\d{1,9})\]/;
const ALL = /^(?:\[\*\]|\.\*)/;
const FILTER = /^\[\?\(\s*@((?:[^=!<>()[\]\s]|\[\d+\])*)\s*(?:(==|!=|<=|>=|<|>)\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|-?\d+(?:\.\d+)?|true|false))?\s*\)\]/;

/** Reads a path; answers what is wrong with it instead. */
export function parseJsonPath(text: string): JsonPath | string {
  if (text.length > MAX_PATH) return `longer than ${MAX_PATH} characters`;
  const steps: Step[] = [];
  let rest = text.startsWith('.') || text.startsWith('[') || text === '' ? text : `.${text}`;
  while (rest !== '' && rest !== '.') {
    const found = stepOf(rest);
    if (typeof found === 'string') return found;
    steps.push(found.step);
    rest = rest.slice(found.length);
  }
  return steps;
}

function stepOf(rest: string): { readonly step: Step; readonly length: number } | string {
  const all = ALL.exec(rest);
  if (all !== null) return { step: { type: 'all' }, length: all[0].length };
  const name = FIELD.exec(rest) ?? QUOTED.exec(rest);
  if (name !== null) return { step: { type: 'field', name: (name[1] as string).replace(/\\(.)/g, '$1') }, length: name[0].length };
  const index = INDEX.exec(rest);
  if (index !== null) return { step: { type: 'index', index: Number(index[1]) }, length: index[0].length };
  const filter = FILTER.exec(rest);
  if (filter === null) return `cannot be read from ${JSON.stringify(rest.slice(0, 40))}`;
  const path = parseJsonPath(filter[1] ?? '');
  if (typeof path === 'string') return path;
  return { step: { type: 'filter', path, operator: filter[2], value: literal(filter[3]) }, length: filter[0].length };
}

function literal(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  return /^["']/.test(text) ? text.slice(1, -1).replace(/\\(.)/g, '$1') : (JSON.parse(text) as unknown);
}

/** The values that a path leads to, in their order. */
export function readJsonPath(path: JsonPath, value: unknown): readonly unknown[] {
  let found: unknown[] = [value];
  for (const step of path) found = found.flatMap((one) => take(step, one));
  return found;
}

function take(step: Step, value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  switch (step.type) {
    case 'field':
      return !Array.isArray(value) && Object.hasOwn(value, step.name) ? [(value as Record<string, unknown>)[step.name]] : [];
    case 'index': {
      const item: unknown = Array.isArray(value) ? value.at(step.index) : undefined;
      return item === undefined ? [] : [item];
    }
    case 'all':
      return Object.values(value);
    case 'filter':
      return Object.values(value).filter((item: unknown) => readJsonPath(step.path, item).some((one) => holds(one, step.operator, step.value)));
  }
}

function holds(one: unknown, operator: string | undefined, value: unknown): boolean {
  switch (operator) {
    case undefined:
      return true;
    case '==':
      return equalJson(one, value);
    case '!=':
      return !equalJson(one, value);
    default: {
      const order = orderOf(one, value);
      if (order === undefined) return false;
      return operator === '<' ? order < 0 : operator === '<=' ? order <= 0 : operator === '>' ? order > 0 : order >= 0;
    }
  }
}

/** Of two numbers or two texts; others have none. */
function orderOf(a: unknown, b: unknown): number | undefined {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return typeof a === 'string' && typeof b === 'string' ? (a < b ? -1 : a > b ? 1 : 0) : undefined;
}
