/**
 * Remembers the results of a pure function, at most `limit` of them: when full, it forgets all and starts again,
 * which costs less than keeping an order and bounds memory just as well.
 */
export function memo<K, V>(limit: number, compute: (key: K) => V): (key: K) => V {
  const known = new Map<K, V>();
  return (key) => {
    const found = known.get(key);
    if (found !== undefined) return found;
    const computed = compute(key);
    if (known.size >= limit) known.clear();
    known.set(key, computed);
    return computed;
  };
}
