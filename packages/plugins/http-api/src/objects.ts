import { ApiError, type ApiRequest, type Attributes, isValidPathSegmentName, type KindDefinition, type KubeList, type KubeObject, OrreryError, parseFieldSelector, readPath, type ResourceRef, type ServedKinds, type Transport, type UserInfo, within } from '@orrery/core';
import { type Wanted, wantedOf } from './accept.js';
import { type Authorizer, forbidden } from './authorizer.js';
import { bodyOf, type BodyReading, patchTypeOf } from './body.js';
import type { Exchange } from './exchange.js';
import { listAs, objectAs, type Shape } from './forms.js';
import { deletionOf, includeOf, pageOf, selectionOf, writeOf } from './query.js';
import { methodNotAllowed, notServed } from './refusal.js';
import { isReview } from './reviews/kinds.js';
import { kindAt, verbsOf } from './served.js';

/** What serving objects needs. */
export interface ObjectsContext extends BodyReading {
  readonly transport: Transport;
  readonly kinds: ServedKinds;
  readonly authorizer: Authorizer;
}

/** A request for objects, as far as its path and method tell. */
export interface ObjectRequest {
  readonly kind: KindDefinition;
  readonly ref: ResourceRef;
  readonly verb: ApiRequest['verb'] | 'watch';
  readonly user: UserInfo;
}

const OF_OBJECT: ReadonlyMap<string, ApiRequest['verb']> = new Map([
  ['GET', 'get'],
  ['PUT', 'update'],
  ['PATCH', 'patch'],
  ['DELETE', 'delete'],
]);
const OF_COLLECTION: ReadonlyMap<string, ApiRequest['verb']> = new Map([
  ['GET', 'list'],
  ['POST', 'create'],
  ['DELETE', 'deletecollection'],
]);

/** What a request wants of objects, as its path and method tell, whatever is served there. Throws MethodNotAllowed for a method that wants nothing. */
export function verbOf({ request, query }: Exchange, ref: ResourceRef): ObjectRequest['verb'] {
  if (ref.subresource !== undefined && request.method === 'POST') return 'create';
  const verb = (ref.name === undefined ? OF_COLLECTION : OF_OBJECT).get(request.method ?? '');
  if (verb === undefined) throw methodNotAllowed();
  return verb === 'list' && query.flag('watch') === true ? 'watch' : verb;
}

/** What authorizers are told of the objects that a request is about, besides its verb: also what a list, a watch or a deletion is narrowed down to, and the name of the one object that is left then. */
export function narrowed({ query }: Exchange, ref: ResourceRef, verb: ObjectRequest['verb']): Pick<Attributes, 'ref' | 'selection'> {
  if (verb !== 'list' && verb !== 'watch' && verb !== 'deletecollection') return { ref };
  const selection = selectionOf(query);
  const name = verb === 'deletecollection' ? undefined : namedBy(selection.fieldSelector);
  return { ref: name === undefined ? ref : { ...ref, name }, ...(Object.keys(selection).length > 0 && { selection }) };
}

/** The one name that a field selector lets through; undefined when there is none, or it cannot be read: that is told later. */
function namedBy(fieldSelector: string | undefined): string | undefined {
  if (fieldSelector === undefined) return undefined;
  try {
    const name = parseFieldSelector(fieldSelector).requirements.find(({ field, operator }) => field === 'metadata.name' && operator === '=')?.value;
    return name === undefined || name === '' || isValidPathSegmentName(name).length > 0 ? undefined : name;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The kind that is served at a path. Throws NotFound when there is none, MethodNotAllowed when that cannot be done with it: for those only who may do it. */
export function kindFor(kinds: ServedKinds, ref: ResourceRef, verb: ObjectRequest['verb']): KindDefinition {
  const kind = kindAt(kinds, ref);
  if (!kind.namespaced && ref.namespace !== undefined) throw notServed();
  if (kind.namespaced && ref.namespace === undefined && ref.name !== undefined) throw notServed();
  if (isReview(kind) && ref.name !== undefined) throw notServed();
  if (ref.subresource === undefined && !verbsOf(kind).includes(verb)) throw methodNotAllowed();
  // In which namespace would it be? And all of them at once are deleted by nobody.
  if (kind.namespaced && ref.namespace === undefined && (verb === 'create' || verb === 'deletecollection')) throw methodNotAllowed();
  if (ref.subresource !== undefined && verb === 'delete') throw methodNotAllowed();
  return kind;
}

/** What a question comes to, or TIMEOUT when that takes longer than an answer may. */
export function timely<T>({ clock, limits: { answerMs } }: Pick<BodyReading, 'clock' | 'limits'>, answer: Promise<T>, gone?: AbortSignal): Promise<T> {
  return within(answer, clock, answerMs, () => new OrreryError('TIMEOUT', `The server could not answer within ${answerMs / 1000} s.`), gone);
}

/** Answers a request for objects that is no watch. */
export async function answerObjects(exchange: Exchange, asked: ObjectRequest & { readonly verb: ApiRequest['verb'] }, context: ObjectsContext): Promise<void> {
  const { request, query, clock } = exchange;
  const wanted = wantedOf(request.headers.accept);
  const include = includeOf(query);
  let made = asked.verb === 'create';
  const question = { ...(await questionOf(exchange, asked, context)), created: (): void => void (made = true) };
  await checkCreating(asked, question, context);
  const answer = await timely(context, context.transport.request(question, exchange.gone), exchange.gone);
  const shape: Shape = { as: wanted.as, include, now: clock.now() };
  if (asked.verb !== 'list' && asked.verb !== 'deletecollection') return answerOne(exchange, asked, answer as KubeObject, { made, shape, encoding: wanted.encoding });
  const { rest, key, list } = listAs(asked.kind, answer as KubeList, shape);
  return exchange.list(rest, key, list, wanted.encoding);
}

async function questionOf(exchange: Exchange, { ref, verb, user }: ObjectRequest & { readonly verb: ApiRequest['verb'] }, reading: BodyReading): Promise<ApiRequest> {
  const { request, query } = exchange;
  const base = { ref, user, warn: (message: string): void => exchange.warn(message), annotate: (key: string, value: string): void => exchange.annotate(key, value) };
  switch (verb) {
    case 'get':
      return { ...base, verb };
    case 'list':
      return { ...base, verb, ...selectionOf(query), ...pageOf(query) };
    case 'create':
    case 'update': {
      const body = (await bodyOf(request, reading)) ?? refuseEmpty();
      exchange.sent = body;
      if (verb === 'update') checkAddress(ref, body);
      return { ...base, ...writeOf(query, request.headers['user-agent'], verb === 'create' ? 'CreateOptions' : 'UpdateOptions'), verb, body };
    }
    case 'patch': {
      const type = patchTypeOf(request);
      const body = (await bodyOf(request, reading)) ?? refuseEmpty();
      exchange.sent = body;
      const force = query.flag('force');
      if (force === true && type !== 'apply') throw ApiError.badRequest('force: Forbidden: may not be specified for non-apply patch');
      // Who applies has to say so: a manager made up from the program would own fields by accident.
      const { fieldManager: _manager, ...options } = writeOf(query, request.headers['user-agent'], 'PatchOptions');
      const fieldManager = type === 'apply' ? query.text('fieldManager') : _manager;
      return { ...base, ...options, ...(fieldManager !== undefined && { fieldManager }), verb, type, body, ...(force !== undefined && { force }) };
    }
    case 'delete':
    case 'deletecollection': {
      const { dryRun } = writeOf(query, undefined, 'DeleteOptions');
      const options = deletionOf(query, await bodyOf(request, reading));
      return { ...base, ...(dryRun === true && { dryRun }), verb, options, ...(verb === 'deletecollection' && selectionOf(query)) } as ApiRequest;
    }
  }
}

function refuseEmpty(): never {
  throw ApiError.badRequest('the request must have a body');
}

/** What is sent must be what the path names. */
function checkAddress(ref: ResourceRef, body: unknown): void {
  const [name, namespace] = [readPath(body, '.metadata.name'), readPath(body, '.metadata.namespace')];
  if (typeof name === 'string' && name !== '' && name !== ref.name) throw ApiError.badRequest(`the name of the object (${name.slice(0, 253)}) does not match the name on the URL (${ref.name})`);
  if (typeof namespace === 'string' && namespace !== '' && ref.namespace !== undefined && namespace !== ref.namespace) {
    throw ApiError.badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}

/** An apply makes the object when there is none: who may only patch must find one. */
async function checkCreating({ ref, user }: ObjectRequest, question: ApiRequest, context: ObjectsContext): Promise<void> {
  if (question.verb !== 'patch' || question.type !== 'apply' || ref.subresource !== undefined) return;
  const attributes = { user, verb: 'create', ref };
  const { allowed, denied, reason } = await context.authorizer.authorize(attributes);
  if (allowed && denied !== true) return;
  await timely(context, context.transport.request({ verb: 'get', user, ref })).catch((error: unknown) => {
    throw ApiError.is(error, 'NotFound') ? forbidden(attributes, reason) : error;
  });
}

/** How one object is answered. */
interface Answering {
  /** The request made it. */
  readonly made: boolean;
  readonly shape: Shape;
  readonly encoding: Wanted['encoding'];
}

async function answerOne(exchange: Exchange, { kind, ref, verb }: ObjectRequest, object: KubeObject, { made, shape, encoding }: Answering): Promise<void> {
  // Binding and eviction; what else is asked has an answer.
  if (verb === 'create' && (ref.subresource === 'binding' || ref.subresource === 'eviction')) return exchange.value(201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }, encoding);
  if (verb === 'delete' && object.metadata.deletionTimestamp === undefined) return exchange.value(200, goneStatus(kind, object), encoding);
  if (verb === 'create' && ref.subresource !== undefined) return exchange.value(201, object, encoding);
  return exchange.value(made ? 201 : 200, objectAs(kind, object, shape), encoding);
}

/** The object is gone. */
function goneStatus({ group, plural }: KindDefinition, { metadata }: KubeObject): object {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details: { name: metadata.name, ...(group !== '' && { group }), kind: plural, uid: metadata.uid } };
}
