/** Equality of JSON values; the named keys of the outermost object do not count. An absent key equals an undefined one. */
export function same(a: unknown, b: unknown, ignored?: ReadonlySet<string>): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  for (const key in left) if (ignored?.has(key) !== true && !same(left[key], right[key])) return false;
  for (const key in right) if (ignored?.has(key) !== true && right[key] !== undefined && !(key in left)) return false;
  return true;
}
