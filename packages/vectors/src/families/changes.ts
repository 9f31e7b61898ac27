/** One change that an update makes to the object before. */
export interface Change {
  /** `+` appends to a list. */
  readonly path: readonly string[];
  readonly set?: unknown;
  readonly remove?: boolean;
}

/** The changed object; the input stays as it is. */
export function applyChanges(object: unknown, changes: readonly Change[]): unknown {
  const copy: unknown = structuredClone(object);
  for (const change of changes) applyChange(copy as Container, change);
  return copy;
}

type Container = Record<string, unknown> | unknown[];

function applyChange(root: Container, { path, set, remove }: Change): void {
  let at: Container = root;
  path.slice(0, -1).forEach((part, i) => {
    const next = read(at, part);
    if (typeof next === 'object' && next !== null) at = next as Container;
    else at = write(at, part, /^(?:\+|\d+)$/.test(path[i + 1] ?? '') ? [] : {}) as Container;
  });
  const last = path.at(-1) as string;
  if (remove !== true) write(at, last, structuredClone(set));
  else if (Array.isArray(at)) at.splice(Number(last), 1);
  else delete at[last];
}

const read = (at: Container, part: string): unknown => (Array.isArray(at) ? at[Number(part)] : at[part]);

function write(at: Container, part: string, value: unknown): unknown {
  if (!Array.isArray(at)) at[part] = value;
  else if (part === '+') at.push(value);
  else at[Number(part)] = value;
  return value;
}
