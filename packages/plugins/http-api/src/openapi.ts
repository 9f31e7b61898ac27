import { createHash } from 'node:crypto';
import { type JsonSchema, jsonSchemaOf, type KindDefinition, type Subresource } from '@orrery/core';
import { isMetrics } from './metrics/kinds.js';
import { isReview } from './reviews/kinds.js';
import { type GroupVersion, partsOf, verbsOf } from './served.js';

/** A document that is served as it is. `hash` changes with it. */
export interface Document {
  readonly text: string;
  readonly hash: string;
}

const documentOf = (value: object): Document => {
  const text = JSON.stringify(value);
  return { text, hash: createHash('sha256').update(text).digest('hex').toUpperCase() };
};

/** `api/v1` or `apis/<group>/<version>`. */
export const pathOf = ({ group, version }: { readonly group: string; readonly version: string }): string => (group === '' ? `api/${version}` : `apis/${group}/${version}`);

/** The OpenAPI v3 document of one version of a group: its schemas, and paths that say which parameters its verbs take. */
export function openApiV3(served: GroupVersion): Document {
  const schemas: Record<string, JsonSchema> = {};
  const paths: Record<string, object> = {};
  for (const kind of served.kinds) {
    schemas[schemaName(kind)] = schemaOf(kind);
    Object.assign(paths, pathsOf(kind, served.subresources, (name) => ({ content: { 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } } })));
    for (const part of answered(kind, served.subresources)) schemas[schemaName(part)] = schemaOf(part);
  }
  return documentOf({ openapi: '3.0.0', info: INFO, paths, components: { schemas } });
}

/** `/openapi/v3`: where the documents are; each address changes with its document. */
export const openApiV3Index = (documents: ReadonlyMap<string, Document>, basePath: string): object => ({
  paths: Object.fromEntries([...documents].map(([path, { hash }]) => [path, { serverRelativeURL: `${basePath}/openapi/v3/${path}?hash=${hash}` }])),
});

/** `/openapi/v2`: all kinds in one document of Swagger 2. What that cannot say is left out. */
export function openApiV2(all: readonly GroupVersion[]): Document {
  const definitions: Record<string, unknown> = {};
  const paths: Record<string, object> = {};
  for (const { kinds, subresources } of all) {
    for (const kind of kinds) {
      for (const one of [kind, ...answered(kind, subresources)]) definitions[schemaName(one)] = swagger(schemaOf(one));
      Object.assign(paths, swaggerPaths(kind, subresources));
    }
  }
  return documentOf({ swagger: '2.0', info: INFO, paths, definitions });
}

const INFO = { title: 'Orrery', version: 'v1' };

/** As Kubernetes names the schemas of its own kinds, and of others by their group turned around. */
export function schemaName({ group, version, kind }: KindDefinition): string {
  if (group === '' || !group.includes('.') || group.endsWith('.k8s.io')) return `io.k8s.api.${group === '' ? 'core' : (group.split('.')[0] as string)}.${version}.${kind}`;
  return `${group.split('.').reverse().join('.')}.${version}.${kind}`;
}

function schemaOf(kind: KindDefinition): JsonSchema {
  const { $schema: _dialect, $id: _id, ...schema } = jsonSchemaOf(kind);
  return schema;
}

const LIST_PARAMETERS = ['allowWatchBookmarks', 'continue', 'fieldSelector', 'labelSelector', 'limit', 'resourceVersion', 'resourceVersionMatch', 'sendInitialEvents', 'timeoutSeconds', 'watch'];
const WRITE_PARAMETERS = ['dryRun', 'fieldManager', 'fieldValidation'];
const DELETE_PARAMETERS = ['dryRun', 'gracePeriodSeconds', 'orphanDependents', 'propagationPolicy'];
const TYPES: Readonly<Record<string, string>> = { allowWatchBookmarks: 'boolean', force: 'boolean', gracePeriodSeconds: 'integer', limit: 'integer', orphanDependents: 'boolean', sendInitialEvents: 'boolean', timeoutSeconds: 'integer', watch: 'boolean' };

/** What can be done at one path. */
interface Operation {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  readonly action: string;
  readonly parameters: readonly string[];
}

const COLLECTION: readonly Operation[] = [
  { method: 'get', action: 'list', parameters: LIST_PARAMETERS },
  { method: 'post', action: 'post', parameters: WRITE_PARAMETERS },
  { method: 'delete', action: 'deletecollection', parameters: [...DELETE_PARAMETERS, 'fieldSelector', 'labelSelector'] },
];
const CREATE = COLLECTION.filter(({ method }) => method === 'post');
const READ_AND_CHANGE: readonly Operation[] = [
  { method: 'get', action: 'get', parameters: [] },
  { method: 'put', action: 'put', parameters: WRITE_PARAMETERS },
  { method: 'patch', action: 'patch', parameters: [...WRITE_PARAMETERS, 'force'] },
];
const OBJECT: readonly Operation[] = [...READ_AND_CHANGE, { method: 'delete', action: 'delete', parameters: DELETE_PARAMETERS }];

/** The kinds that subresources of plugins answer with. */
const answered = (kind: KindDefinition, subresources: readonly Subresource[]): readonly KindDefinition[] => subresources.filter(isOf(kind)).map((part) => part.kind);
const isOf = (kind: KindDefinition) => ({ group, resource }: Subresource): boolean => group === kind.group && resource === kind.plural;

/** One path, what can be done there, and the kind that it is done with where that is not the kind itself. */
interface PathOperations {
  readonly path: string;
  readonly operations: readonly Operation[];
  readonly with?: KindDefinition;
}

/** The paths of a kind with what can be done there. */
function* operationsOf(kind: KindDefinition, subresources: readonly Subresource[]): Generator<PathOperations, void, undefined> {
  const base = `/${pathOf(kind)}/${kind.namespaced ? 'namespaces/{namespace}/' : ''}${kind.plural}`;
  if (isReview(kind)) return yield { path: base, operations: CREATE };
  if (isMetrics(kind)) {
    yield { path: base, operations: COLLECTION.slice(0, 1) };
    return yield { path: `${base}/{name}`, operations: READ_AND_CHANGE.slice(0, 1), with: kind };
  }
  if (kind.namespaced) yield { path: `/${pathOf(kind)}/${kind.plural}`, operations: COLLECTION.slice(0, 1) };
  yield { path: base, operations: COLLECTION.filter(({ action }) => action !== 'deletecollection' || verbsOf(kind).includes(action)) };
  yield { path: `${base}/{name}`, operations: OBJECT };
  for (const part of partsOf(kind)) {
    if (part.kind === undefined) yield { path: `${base}/{name}/${part.name}`, operations: READ_AND_CHANGE.filter(({ action }) => part.verbs.includes(action === 'put' ? 'update' : action)) };
  }
  for (const part of subresources.filter(isOf(kind))) yield { path: `${base}/{name}/${part.name}`, operations: CREATE, with: part.kind };
}

function pathsOf(kind: KindDefinition, subresources: readonly Subresource[], response: (schema: string) => object): Record<string, object> {
  const parameter = (name: string): object => ({ name, in: 'query', schema: { type: TYPES[name] ?? 'string', uniqueItems: true } });
  return Object.fromEntries(
    [...operationsOf(kind, subresources)].map(({ path, operations, with: used = kind }) => [
      path,
      {
        ...Object.fromEntries(
          operations.map(({ method, action, parameters }) => [
            method,
            { parameters: parameters.map(parameter), responses: { 200: { description: 'OK', ...response(schemaName(used)) } }, 'x-kubernetes-action': action, 'x-kubernetes-group-version-kind': gvkOf(used) },
          ]),
        ),
        parameters: inPath(path).map((name) => ({ name, in: 'path', required: true, schema: { type: 'string', uniqueItems: true } })),
      },
    ]),
  );
}

const gvkOf = ({ group, version, kind }: KindDefinition): object => ({ group, version, kind });
const inPath = (path: string): string[] => [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as string);

function swaggerPaths(kind: KindDefinition, subresources: readonly Subresource[]): Record<string, object> {
  const parameter = (name: string): object => ({ name, in: 'query', type: TYPES[name] ?? 'string', uniqueItems: true });
  return Object.fromEntries(
    [...operationsOf(kind, subresources)].map(({ path, operations, with: used = kind }) => [
      path,
      {
        ...Object.fromEntries(
          operations.map(({ method, action, parameters }) => [
            method,
            {
              parameters: parameters.map(parameter),
              responses: { 200: { description: 'OK', schema: { $ref: `#/definitions/${schemaName(used)}` } } },
              'x-kubernetes-action': action,
              'x-kubernetes-group-version-kind': gvkOf(used),
            },
          ]),
        ),
        parameters: inPath(path).map((name) => ({ name, in: 'path', required: true, type: 'string' })),
      },
    ]),
  );
}

/** Words of OpenAPI 3 that Swagger 2 does not have. */
const NOT_IN_SWAGGER: ReadonlySet<string> = new Set(['anyOf', 'oneOf', 'not', 'nullable']);

/** A schema of OpenAPI 3 as one of Swagger 2: alternatives become any value, as Kubernetes' own documents have it. */
function swagger(schema: JsonSchema): JsonSchema {
  const kept = Object.entries(schema).filter(([key]) => !NOT_IN_SWAGGER.has(key));
  const isEitherOr = schema['x-kubernetes-int-or-string'] === true;
  return { ...Object.fromEntries(kept.map(([key, value]) => [key, inSwagger(key, value)])), ...(isEitherOr && { type: 'string', format: 'int-or-string' }) };
}

/** Only here are schemas in schemas: a property may itself be called `default` or `not`. */
function inSwagger(key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (key === 'properties') return Object.fromEntries(Object.entries(value).map(([name, schema]) => [name, swagger(schema as JsonSchema)]));
  if (key === 'items' || key === 'additionalProperties') return swagger(value as JsonSchema);
  return key === 'allOf' ? (value as readonly JsonSchema[]).map(swagger) : value;
}
