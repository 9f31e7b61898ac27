import { ApiError, builtinKinds, decodeObject, equalJson, Job, Service, validateObjectMeta, validateObjectMetaUpdate } from '@orrery/core';
import type { FieldError, KindDefinition, KubeObject } from '@orrery/core';
import { compare } from '../family.js';
import type { Cases, Family, Outcome, VectorCase } from '../family.js';
import { applyChanges } from './changes.js';
import type { Change } from './changes.js';

/** The uid of every new object. */
const UID = '11111111-2222-3333-4444-555555555555';

/** Decoding, defaulting and validation. */
export const validation: Family = {
  family: 'validation',
  files: ['validation-pod', 'validation-core', 'validation-apps', 'validation-batch'],
  prepare,
};

function prepare(cases: Cases): (vector: VectorCase) => Outcome {
  const byName = new Map(cases.map((vector) => [vector.name, vector]));
  return ({ input, expected }) => {
    const oldBase = input['op'] === 'update' ? byName.get(input['oldBase'] as string) : undefined;
    const base = input['op'] === 'update' ? oldBase?.input['object'] : input['object'];
    const kind = kindOf(base);
    if (kind === undefined) return 'not run';
    const wanted = expectedOf(expected);
    const got = input['op'] === 'update' ? update(kind, base, input['changes'] as Change[], oldBase?.expected['allocated'] as Allocated | undefined) : create(kind, base);
    return compare(Object.fromEntries(Object.keys(wanted).map((key) => [key, got[key]])), wanted);
  };
}

function kindOf(object: unknown): KindDefinition | undefined {
  const { apiVersion, kind } = object as KubeObject;
  return builtinKinds.find((one) => one.apiVersion === apiVersion && one.kind === kind);
}

/** What the allocators gave a Service, as far as a case tells it. */
interface Allocated {
  readonly ipFamilies: string[];
  readonly ipFamilyPolicy: string;
}

/** What of a case is compared. Addresses and ports are allocated by the server, not by the model. */
function expectedOf(expected: Record<string, unknown>): Record<string, unknown> {
  const { allocated: _, errors, defaulted, ...rest } = expected;
  const wanted: Record<string, unknown> = { ...rest };
  if (rest['decodeError'] === undefined) wanted['strictErrors'] = ((rest['strictErrors'] ?? []) as string[]).toSorted();
  if (errors !== undefined) wanted['errors'] = sorted(errors as { field: string; type: string }[]);
  if (defaulted !== undefined) wanted['defaulted'] = withoutEmptyLists(defaulted);
  return wanted;
}

/** The vectors leave out lists that Go would write as null; Orrery writes required lists as empty ones. */
function withoutEmptyLists(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutEmptyLists);
  const kept = Object.entries(value).filter(([, member]) => !(Array.isArray(member) && member.length === 0));
  return Object.fromEntries(kept.map(([key, member]) => [key, withoutEmptyLists(member)]));
}

function create(kind: KindDefinition, input: unknown): Record<string, unknown> {
  const decoded = decode(kind, input);
  if (decoded === undefined) return { decodeError: true };
  const { object, unknown } = decoded;
  kind.rules.applyDefaults?.(object);
  const defaulted = withoutEmptyLists(object);
  asCreated(kind, object);
  const early = kind.rules.validateFirst?.(object) ?? [];
  const errors = early.length > 0 ? early : [...metaErrors(kind, object), ...(kind.rules.validate?.(object) ?? []), ...(kind.rules.validateCreate?.(object) ?? [])];
  return { errors: distinct(errors), defaulted, strictErrors: unknown.map((path) => `unknown field ${JSON.stringify(path)}`).sort() };
}

function update(kind: KindDefinition, base: unknown, changes: readonly Change[], allocated: Allocated | undefined): Record<string, unknown> {
  const old = decode(kind, base)?.object;
  const decoded = decode(kind, applyChanges(base, changes));
  if (old === undefined || decoded === undefined) return { decodeError: true };
  const { object } = decoded;
  kind.rules.applyDefaults?.(old);
  if (kind === (Job as unknown)) asReadBack(kind, old, object);
  if (kind === (Service as unknown) && allocated !== undefined) Object.assign((old as Service).spec, { ipFamilies: allocated.ipFamilies, ipFamilyPolicy: allocated.ipFamilyPolicy });
  kind.rules.applyDefaults?.(object);
  fillNamespace(kind, object, old.metadata.namespace);
  const { generation } = old.metadata;
  kind.rules.prepareForUpdate?.(object, old);
  const bumped = object.metadata.generation !== generation || !equalJson(desired(object), desired(old));
  const errors = [
    ...metaErrors(kind, object),
    ...validateObjectMetaUpdate(object.metadata, old.metadata),
    ...(kind.rules.validate?.(object) ?? []),
    ...(kind.rules.validateUpdate?.(object, old) ?? []),
  ];
  return { errors: distinct(errors), generationBumped: kind.tracksGeneration && bumped, strictErrors: decoded.unknown.map((path) => `unknown field ${JSON.stringify(path)}`).sort() };
}

/** What the server gives a new object: a namespace, a uid, a name, and what the kind's rules add. */
function asCreated(kind: KindDefinition, object: KubeObject): void {
  fillNamespace(kind, object, 'default');
  object.metadata.uid ??= UID;
  if ((object.metadata.name ?? '') === '' && (object.metadata.generateName ?? '') !== '') object.metadata.name = `${object.metadata.generateName}abcde`;
  kind.rules.prepareForCreate?.(object);
}

/** A user who changes a Job has read it before: what the server generated is in the changed one as well. */
function asReadBack(kind: KindDefinition, old: KubeObject, changed: KubeObject): void {
  asCreated(kind, old);
  const [before, { spec }] = [(old as Job).spec, changed as Job];
  changed.metadata.uid = old.metadata.uid;
  spec.selector ??= before.selector;
  spec.template.metadata = { ...spec.template.metadata, labels: { ...before.template.metadata?.labels, ...spec.template.metadata?.labels } };
}

/** The namespace of the request, where the object names none. */
function fillNamespace(kind: KindDefinition, { metadata }: KubeObject, namespace: string | undefined): void {
  if (kind.namespaced && namespace !== undefined) metadata.namespace ??= namespace;
}

function desired(object: KubeObject): unknown {
  const { metadata: _, status: __, ...rest } = object as KubeObject & { status?: unknown };
  return rest;
}

function decode(kind: KindDefinition, input: unknown): ReturnType<typeof decodeObject> | undefined {
  try {
    return decodeObject(kind, input);
  } catch (error) {
    if (ApiError.is(error, 'BadRequest')) return undefined;
    throw error;
  }
}

function metaErrors(kind: KindDefinition, object: KubeObject): FieldError[] {
  const { validateName } = kind.rules;
  return validateObjectMeta(object.metadata, { namespaced: kind.namespaced, ...(validateName && { validateName }) });
}

/** The set of `{field, type}`, in one order. */
function distinct(errors: readonly FieldError[]): { field: string; type: string }[] {
  return sorted([...new Map(errors.map(({ field, type }) => [`${field}|${type}`, { field, type: type.replace(/^FieldValue/, '') }])).values()]);
}

function sorted(errors: readonly { readonly field: string; readonly type: string }[]): { field: string; type: string }[] {
  const key = ({ field, type }: { readonly field: string; readonly type: string }): string => `${field}|${type}`;
  return errors.toSorted((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}
