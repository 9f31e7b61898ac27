import { ApiError, cloneJson, decodeObject, defineKind, type FieldError, forbiddenKey, type JsonSchema, jsonSchemaOf, type KindDefinition, type KindShape, type KubeObject, readPath } from '@orrery/core';
import type { Convert } from '../conversion/webhook.js';
import type { CustomResourceDefinition, DefinitionVersion } from '../definition/form.js';
import { validateRules } from '../rules/apply.js';
import { applySchemaDefaults } from '../schema/defaults.js';
import { mergeNodeOf } from '../schema/merge.js';
import { pruneUnknown } from '../schema/prune.js';
import type { Json, JsonSchemaProps } from '../schema/types.js';
import { validateValue } from '../schema/validate.js';
import { columnsOf } from './columns.js';
import { byPriority } from './version-priority.js';

/** How deep objects may be nested. */
const MAX_DEPTH = 100;

/** What knows the metadata of every object. */
const metadataOnly = defineKind({ group: 'apiextensions.k8s.io', version: 'v1', kind: 'PartialObject' }) as unknown as KindDefinition;

/**
 * The versions of a definition that are served, as kinds; the preferred one first. Of one that is being deleted the stored version is among them, so that its objects can be, and nothing can be created.
 * @param convert makes objects of one version those of another; absent: they differ by their names only
 */
export function kindsOf(definition: CustomResourceDefinition, convert?: Convert): readonly KindDefinition[] {
  const isEnding = definition.metadata.deletionTimestamp !== undefined;
  const kinds = definition.spec.versions
    .filter(({ served, storage }) => served || (isEnding && storage))
    .sort((a, b) => byPriority(a.name, b.name))
    .map((version) => kindOf(definition, version, convert));
  return isEnding ? kinds.map((kind) => ({ ...kind, rules: { ...kind.rules, prepareForCreate: refuseCreating } })) : kinds;
}

function refuseCreating(): never {
  throw new ApiError('MethodNotAllowed', 'create not allowed while custom resource definition is terminating');
}

/** One version of a definition as a kind. */
function kindOf({ spec: { group, names, scope, versions } }: CustomResourceDefinition, version: DefinitionVersion, convert: Convert | undefined): KindDefinition {
  const kept = `${group}/${versions.find(({ storage }) => storage)?.name}`;
  const schema = version.schema?.openAPIV3Schema ?? {};
  const { status, scale } = version.subresources ?? {};
  const check = (object: KubeObject, old?: KubeObject): FieldError[] => {
    const value = bare(object);
    const before = old === undefined ? undefined : bare(old);
    const errors = validateValue(schema, value, { path: '', old: before });
    // Rules are for values that are what their schema says.
    return errors.length > 0 ? errors : validateRules(schema, value, before);
  };
  return {
    ...metadataOnly,
    group,
    version: version.name,
    kind: names.kind,
    apiVersion: `${group}/${version.name}`,
    plural: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    listKind: names.listKind ?? `${names.kind}List`,
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    namespaced: scope === 'Namespaced',
    shape: shapeOf(`${group}/${version.name}`, names.kind, schema),
    hasStatus: status !== undefined,
    tracksGeneration: true,
    ...(scale !== undefined && {
      scale: { specReplicas: scale.specReplicasPath, statusReplicas: scale.statusReplicasPath, ...(scale.labelSelectorPath !== undefined && { labelSelector: scale.labelSelectorPath }) },
    }),
    ...(version.deprecated === true && { deprecation: version.deprecationWarning ?? `${group}/${version.name} ${names.kind} is deprecated` }),
    columns: columnsOf(version),
    onlyColumns: true,
    rules: {
      ...(convert !== undefined && { conversion: { read: (stored) => convert(stored, `${group}/${version.name}`), write: async (object) => (await convert([object], kept))[0] as KubeObject } }),
      read: reader(`${group}/${version.name}`, schema),
      applyDefaults: (draft) => applySchemaDefaults(schema, draft),
      validateCreate: (object) => check(object),
      validateUpdate: check,
      validateStatusUpdate: check,
      selectableFields: Object.fromEntries((version.selectableFields ?? []).map(({ jsonPath }) => [jsonPath.slice(1), (object: KubeObject) => textOf(readPath(object, jsonPath))])),
    },
  };
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value));

/** The object as its schema sees it: metadata has been checked by the server. */
function bare(object: KubeObject): Json {
  const { metadata, ...rest } = object;
  const { name, generateName } = metadata;
  return { ...rest, metadata: { ...(name !== undefined && { name }), ...(generateName !== undefined && { generateName }) } };
}

/** What is stored, as an object of a version: under its name, without what its schema does not know, with its defaults. */
function reader(apiVersion: string, schema: JsonSchemaProps): (stored: KubeObject) => KubeObject {
  return (stored) => {
    const { metadata, ...rest } = stored;
    const object = { ...cloneJson(rest), apiVersion, metadata };
    const { metadata: _metadata, ...body } = object;
    pruneUnknown(schema, body, true);
    applySchemaDefaults(withoutMetadata(schema), body);
    return { ...body, metadata };
  };
}

const stripped = new WeakMap<JsonSchemaProps, JsonSchemaProps>();

/** Metadata has no defaults. */
function withoutMetadata(schema: JsonSchemaProps): JsonSchemaProps {
  let without = stripped.get(schema);
  if (without === undefined) {
    const { metadata: _metadata, ...properties } = schema.properties ?? {};
    without = { ...schema, properties };
    stripped.set(schema, without);
  }
  return without;
}

function shapeOf(apiVersion: string, kind: string, schema: JsonSchemaProps): KindShape {
  return {
    decode: (input) => {
      if (typeof input !== 'object' || input === null || Array.isArray(input)) throw ApiError.badRequest(`the body must be a ${kind} object`);
      const forbidden = forbiddenKey(input);
      if (forbidden !== undefined) throw ApiError.badRequest(`the key ${JSON.stringify(forbidden.slice(0, 200))} is not allowed`);
      checkDepth(input, kind);
      const { metadata, apiVersion: _version, kind: _kind, ...rest } = input as Json;
      // What metadata is, every kind agrees about.
      const known = decodeObject(metadataOnly, { metadata });
      const object = { apiVersion, kind, metadata: known.object.metadata, ...cloneJson(rest) } as KubeObject;
      return { object, unknown: [...known.unknown, ...pruneUnknown(schema, object, true)] };
    },
    merge: mergeNodeOf(schema, metadataOnly),
    strategicPatch: false,
    jsonSchema: describe(schema),
  };
}

function checkDepth(value: unknown, kind: string, depth = 0): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > MAX_DEPTH) throw ApiError.badRequest(`the ${kind} is nested deeper than ${MAX_DEPTH} levels`);
  for (const member of Object.values(value)) checkDepth(member, kind, depth + 1);
}

/** The schema as clients are told of it: with the fields that every object has. */
function describe(schema: JsonSchemaProps): JsonSchema {
  const { properties } = jsonSchemaOf(metadataOnly) as { properties: Json };
  return { ...schema, properties: { ...schema.properties, apiVersion: properties['apiVersion'], kind: properties['kind'], metadata: properties['metadata'] } };
}
