import { ApiError } from '../api-error.js';
import { cloneJson, equalJson } from '../json.js';

/** Operations in one patch at most, as in kube-apiserver. */
const MAX_OPERATIONS = 10_000;

type Container = Record<string, unknown> | unknown[];

interface Operation {
  readonly op: string;
  readonly path: readonly string[];
  readonly from: readonly string[] | undefined;
  /** A missing value counts as null. */
  readonly value: unknown;
}

/** Why an operation does not fit the document. */
class Misfit extends Error {}

/**
 * Applies a JSON patch to a copy of the document, by the rules of the library that kube-apiserver uses (evanphx/json-patch v4), which is laxer than RFC 6902:
 * `replace` sets a member that is not there, `copy` of a missing member and a missing `value` give null, `test` takes a missing member for null, indices may
 * count from the end, and only `replace` and `test` reach the whole document. Throws BadRequest for a malformed patch and Invalid for one that does not fit
 * the document (missing path, failed test), naming the operation.
 */
export function applyJsonPatch(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw ApiError.badRequest('a JSON patch must be a list of operations');
  if (patch.length > MAX_OPERATIONS) {
    throw new ApiError('RequestEntityTooLarge', `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`);
  }
  const operations = patch.map(readOperation);
  let document = cloneJson(target);
  operations.forEach((operation, index) => {
    try {
      document = applyOne(document, operation);
    } catch (error) {
      if (!(error instanceof Misfit)) throw error;
      throw new ApiError('Invalid', `the server rejected our request due to an error in our request: operation ${index} of the patch: ${error.message}`, {}, error);
    }
  });
  return document;
}

function readOperation(operation: unknown, index: number): Operation {
  const bad = (why: string): ApiError => ApiError.badRequest(`operation ${index} of the patch ${why}`);
  if (typeof operation !== 'object' || operation === null || Array.isArray(operation)) throw bad('is not an object');
  const { op, path, from, value = null } = operation as Record<string, unknown>;
  if (typeof op !== 'string' || !Object.hasOwn(VERBS, op)) throw bad('has an op that is none of add, remove, replace, move, copy, test');
  const parse = (pointer: unknown): string[] => {
    if (typeof pointer !== 'string') throw bad('has a path that is not text');
    const parts = pointer.split('/').map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
    if (parts.some((part) => part === '__proto__' || part === 'constructor' || part === 'prototype')) throw bad('names a forbidden key');
    return parts;
  };
  if ((op === 'move' || op === 'copy') && from === undefined) throw bad('has no from');
  return { op, path: parse(path), from: from === undefined ? undefined : parse(from), value };
}

function applyOne(document: unknown, operation: Operation): unknown {
  const { op, path, value } = operation;
  if (path.length === 1 && path[0] === '') {
    if (op === 'test') return expectEqual(document, value), document;
    if (op !== 'replace') throw new Misfit(`${op} cannot take the whole document`);
    if (typeof value !== 'object' || value === null) throw new Misfit('the whole document can only be replaced by an object or a list');
    return cloneJson(value);
  }
  const verb = VERBS[op as keyof typeof VERBS];
  verb(document, operation);
  return document;
}

const VERBS = {
  add: (document: unknown, { path, value }: Operation) => insert(locate(document, path), cloneJson(value)),
  remove: (document: unknown, { path }: Operation) => take(locate(document, path)),
  replace: (document: unknown, { path, value }: Operation) => {
    const { container, key } = locate(document, path);
    if (Array.isArray(container)) container[indexIn(container, key)] = cloneJson(value);
    else container[key] = cloneJson(value);
  },
  move: (document: unknown, { path, from }: Operation) => insert(locate(document, path), take(locate(document, from ?? []))),
  copy: (document: unknown, { path, from }: Operation) => insert(locate(document, path), cloneJson(read(locate(document, from ?? [])) ?? null)),
  test: (document: unknown, { path, value }: Operation) => expectEqual(read(locate(document, path)) ?? null, value),
} as const;

interface Place {
  readonly container: Container;
  readonly key: string;
}

/** The container of what a path names; what it names need not be there. */
function locate(document: unknown, path: readonly string[]): Place {
  const [first, ...parts] = path;
  const key = parts.pop();
  if (first !== '' || key === undefined) throw new Misfit(`the path ${JSON.stringify(path.join('/').slice(0, 200))} does not begin with /`);
  let container = document;
  for (const part of parts) container = isContainer(container) ? read({ container, key: part }) : undefined;
  if (!isContainer(container)) throw new Misfit(`there is nothing at ${JSON.stringify(path.slice(0, -1).join('/').slice(0, 200))}`);
  return { container, key };
}

const isContainer = (value: unknown): value is Container => typeof value === 'object' && value !== null;

function read({ container, key }: Place): unknown {
  if (Array.isArray(container)) return container[indexIn(container, key)];
  return Object.hasOwn(container, key) ? container[key] : undefined;
}

function insert({ container, key }: Place, value: unknown): void {
  if (!Array.isArray(container)) container[key] = value;
  else container.splice(key === '-' ? container.length : indexIn(container, key, container.length + 1), 0, value);
}

function take({ container, key }: Place): unknown {
  if (Array.isArray(container)) return container.splice(indexIn(container, key), 1)[0];
  if (!Object.hasOwn(container, key)) throw new Misfit(`there is no member ${JSON.stringify(key.slice(0, 200))}`);
  const value = container[key];
  delete container[key];
  return value;
}

/** An index below `size`; a negative one counts from there. */
function indexIn(list: readonly unknown[], key: string, size = list.length): number {
  const given = /^[-+]?\d{1,9}$/.test(key) ? Number(key) : Number.NaN;
  const index = given < 0 ? given + size : given;
  if (!(index >= 0 && index < size)) throw new Misfit(`there is no item ${JSON.stringify(key.slice(0, 200))}`);
  return index;
}

function expectEqual(found: unknown, wanted: unknown): void {
  if (!equalJson(found, wanted)) throw new Misfit('the test failed');
}
