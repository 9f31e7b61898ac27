import { MISMATCH } from './mismatch.js';

/** How deep input may be nested. */
export const MAX_DEPTH = 100;

/** Refuses keys by which input could reach the prototypes of this process. */
export function refuseDangerousKey(key: string, path: (string | number)[]): void {
  if (key !== '__proto__' && key !== 'constructor' && key !== 'prototype') return;
  path.push(key);
  throw MISMATCH.value(`the key ${JSON.stringify(key)} is not allowed`);
}

/** A copy of any JSON value, so that nobody else holds it. Refuses dangerous keys and depths above {@link MAX_DEPTH}. */
export function copyAny(input: unknown, path: (string | number)[]): unknown {
  if (typeof input !== 'object' || input === null) return input;
  if (path.length > MAX_DEPTH) throw MISMATCH.value(`nested deeper than ${MAX_DEPTH} levels`);
  const depth = path.length;
  if (Array.isArray(input)) {
    const copy = input.map((item: unknown, i) => {
      path[depth] = i;
      return copyAny(item, path);
    });
    path.length = depth;
    return copy;
  }
  const source = input as Record<string, unknown>;
  const copy: Record<string, unknown> = {};
  for (const key in source) {
    refuseDangerousKey(key, path);
    path[depth] = key;
    copy[key] = copyAny(source[key], path);
    path.length = depth;
  }
  return copy;
}

/** The path as Kubernetes writes it: `spec.containers[0].name`.  */
export function formatPath(path: readonly (string | number)[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += text === '' ? part : `.${part}`;
  }
  return text;
}
