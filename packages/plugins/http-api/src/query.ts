import { ApiError, type DeleteOptions, fieldError, type FieldValidation, type IncludeObject, type PropagationPolicy, type Selection } from '@orrery/core';

/** The query of a request. Of a parameter that is given twice the first counts. */
export class Query {
  readonly #params: URLSearchParams;

  /** @param text what stands after the question mark */
  constructor(text: string) {
    this.#params = new URLSearchParams(text);
  }

  /** Undefined when it is absent or empty. */
  text(name: string): string | undefined {
    const value = this.#params.get(name);
    return value === null || value === '' ? undefined : value;
  }

  /** Every value of a parameter that may be given several times, in order. */
  all(name: string): readonly string[] {
    return this.#params.getAll(name);
  }

  /** As Kubernetes reads booleans: present and neither `false` nor `0`. */
  flag(name: string): boolean | undefined {
    const value = this.#params.get(name);
    return value === null ? undefined : value.toLowerCase() !== 'false' && value !== '0';
  }

  /** A whole number that is not negative. Throws BadRequest for anything else. */
  count(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    if (!/^\d{1,10}$/.test(value)) throw ApiError.badRequest(`${name}: Invalid value: must be a whole number`);
    return Number(value);
  }

  /** Throws Invalid, of the `options` that it belongs to (e.g. `ListOptions`), when it is none of those named. */
  oneOf<T extends string>(name: string, values: readonly T[], options: string): T | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    if (!values.includes(value as T)) throw ApiError.invalid({ group: 'meta.k8s.io', kind: options }, '', [fieldError.notSupported(name, name === 'dryRun' ? [value] : value, values)]);
    return value as T;
  }
}

/** How much of each object the rows of a table carry. */
export const includeOf = (query: Query): IncludeObject => query.oneOf('includeObject', ['None', 'Metadata', 'Object'] as const, 'TableOptions') ?? 'Metadata';

/** Which objects are meant. */
export function selectionOf(query: Query): Selection {
  const [labelSelector, fieldSelector] = [query.text('labelSelector'), query.text('fieldSelector')];
  return { ...(labelSelector !== undefined && { labelSelector }), ...(fieldSelector !== undefined && { fieldSelector }) };
}

/** How long a page is asked for; undefined: all, or what cannot be read and will be refused. */
export function limitOf(query: Query): number | undefined {
  const limit = Number(query.text('limit'));
  return Number.isInteger(limit) && limit > 0 ? limit : undefined;
}

/** Whether all objects of a kind are asked for, not only some of them. */
export const isWhole = (query: Query): boolean => ['limit', 'labelSelector', 'fieldSelector', 'continue'].every((name) => query.text(name) === undefined);

/** Whether a watch begins with what there is. */
export const hasInitialEvents = (query: Query): boolean => query.flag('sendInitialEvents') ?? (query.text('resourceVersion') ?? '0') === '0';

/** Which page of which state of a list. */
export function pageOf(query: Query) {
  const [limit, next, resourceVersion] = [query.count('limit'), query.text('continue'), query.text('resourceVersion')];
  const resourceVersionMatch = query.oneOf('resourceVersionMatch', ['Exact', 'NotOlderThan'] as const, 'ListOptions');
  return {
    ...(limit !== undefined && { limit }),
    ...(next !== undefined && { continue: next }),
    ...(resourceVersion !== undefined && { resourceVersion }),
    ...(resourceVersionMatch !== undefined && { resourceVersionMatch }),
  };
}

/** Whose options they are, in refusals. */
type WriteOptionsName = 'CreateOptions' | 'UpdateOptions' | 'PatchOptions' | 'DeleteOptions';

/** Options of a write. A write without a manager is by the client's program, as kube-apiserver has it. */
export function writeOf(query: Query, userAgent: string | undefined, options: WriteOptionsName) {
  const fieldManager = query.text('fieldManager') ?? managerOf(userAgent);
  const fieldValidation: FieldValidation | undefined = query.oneOf('fieldValidation', ['Ignore', 'Warn', 'Strict'] as const, options);
  const dryRun = query.oneOf('dryRun', ['All'] as const, options);
  return { ...(fieldManager !== undefined && { fieldManager }), ...(fieldValidation !== undefined && { fieldValidation }), ...(dryRun !== undefined && { dryRun: true }) };
}

function managerOf(userAgent = ''): string | undefined {
  const program = userAgent.split('/', 1)[0]?.replace(/[^\x20-\x7e]/g, '').slice(0, 128) ?? '';
  return program === '' ? undefined : program;
}

const POLICIES: readonly PropagationPolicy[] = ['Orphan', 'Background', 'Foreground'];

/** Options of a deletion: of the body if there is one, else of the query. Throws BadRequest for malformed ones. */
export function deletionOf(query: Query, body: unknown): DeleteOptions {
  if (body === undefined) return deletionFrom(query.count('gracePeriodSeconds'), query.text('propagationPolicy'), query.flag('orphanDependents'), query.text('dryRun') === 'All', undefined);
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw ApiError.badRequest('the body of a deletion must be DeleteOptions');
  const { kind = 'DeleteOptions', gracePeriodSeconds, propagationPolicy, orphanDependents, dryRun, preconditions } = body as Readonly<Record<string, unknown>>;
  if (kind !== 'DeleteOptions') throw ApiError.badRequest('the body of a deletion must be DeleteOptions');
  if (dryRun !== undefined && dryRun !== null && !(Array.isArray(dryRun) && dryRun.every((stage) => stage === 'All'))) throw ApiError.badRequest('dryRun: Unsupported value: supported values: "All"');
  return deletionFrom(gracePeriodSeconds, propagationPolicy, orphanDependents, (Array.isArray(dryRun) && dryRun.length > 0) || query.text('dryRun') === 'All', preconditions);
}

function deletionFrom(grace: unknown, policy: unknown, orphan: unknown, dryRun: boolean, preconditions: unknown): DeleteOptions {
  if (isGiven(grace) && !(Number.isSafeInteger(grace) && (grace as number) >= 0)) throw ApiError.badRequest('gracePeriodSeconds: Invalid value: must be a whole number, not negative');
  if (isGiven(policy) && !POLICIES.includes(policy as PropagationPolicy)) throw ApiError.badRequest('propagationPolicy: Unsupported value: supported values: "Orphan", "Background", "Foreground"');
  if (isGiven(orphan) && typeof orphan !== 'boolean') throw ApiError.badRequest('orphanDependents: Invalid value: must be true or false');
  if (isGiven(policy) && isGiven(orphan)) throw ApiError.badRequest('orphanDependents and propagationPolicy cannot be both set');
  const chosen = isGiven(policy) ? (policy as PropagationPolicy) : isGiven(orphan) ? (orphan === true ? 'Orphan' : 'Background') : undefined;
  const conditions = preconditionsFrom(preconditions);
  return {
    ...(isGiven(grace) && { gracePeriodSeconds: grace as number }),
    ...(chosen !== undefined && { propagationPolicy: chosen }),
    ...(conditions !== undefined && { preconditions: conditions }),
    ...(dryRun && { dryRun: true }),
  };
}

function preconditionsFrom(given: unknown): DeleteOptions['preconditions'] {
  if (!isGiven(given)) return undefined;
  if (typeof given !== 'object' || Array.isArray(given)) throw ApiError.badRequest('preconditions: Invalid value: must be an object');
  const { uid, resourceVersion } = given as Readonly<Record<string, unknown>>;
  for (const value of [uid, resourceVersion]) if (isGiven(value) && typeof value !== 'string') throw ApiError.badRequest('preconditions: Invalid value: uid and resourceVersion must be strings');
  return { ...(isGiven(uid) && { uid: uid as string }), ...(isGiven(resourceVersion) && { resourceVersion: resourceVersion as string }) };
}

const isGiven = (value: unknown): boolean => value !== undefined && value !== null;
