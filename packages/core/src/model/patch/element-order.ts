import { equalJson } from '../json.js';

/** How an item of a merged list is told from others: by a member, or as a whole. */
export type KeyOf = (item: unknown) => unknown;

/** The member of an item; undefined when it has none. */
export const itemKey = (item: unknown, key: string): unknown => (typeof item === 'object' && item !== null && Object.hasOwn(item, key) ? (item as Record<string, unknown>)[key] : undefined);

/** Tells items by a member (throwing what `missing` makes when it is absent), or as a whole where there is no merge key. */
export const keyedBy =
  (key: string | undefined, missing: (item: unknown) => Error): KeyOf =>
  (item) => {
    if (key === undefined) return item;
    const found = itemKey(item, key);
    if (found === undefined) throw missing(item);
    return found;
  };

/**
 * Orders a merged list: items that the patch names as the patch has them, the others as the object had them, interleaved so that each of the others
 * keeps its place before the first named item that followed it (strategicpatch normalizeElementOrder).
 */
export function inOrder(items: readonly unknown[], patchOrder: readonly unknown[], liveOrder: readonly unknown[], keyOf: KeyOf): unknown[] {
  const place = (order: readonly unknown[], item: unknown): number => order.findIndex((other) => equalJson(keyOf(other), keyOf(item)));
  const named = items.filter((item) => place(patchOrder, item) >= 0).sort((a, b) => place(patchOrder, a) - place(patchOrder, b));
  const others = items.filter((item) => place(patchOrder, item) < 0).sort((a, b) => place(liveOrder, a) - place(liveOrder, b));
  const result: unknown[] = [];
  let next = 0;
  for (const item of named) {
    const live = place(liveOrder, item);
    while (live >= 0 && next < others.length) {
      const other = place(liveOrder, others[next]);
      if (other < 0 || other > live) break;
      result.push(others[next]);
      next += 1;
    }
    result.push(item);
  }
  return [...result, ...others.slice(next)];
}
