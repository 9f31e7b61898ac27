import { ApiError, type Attributes, type Authenticator, type Authorizer, decodeObject, errorMessage, type FieldError, fieldError, type KindDefinition, type KindOf, type KubeObject, type PolicyRule, timeOfMillis, type UserInfo } from '@orrery/core';
import { wantedOf } from '../accept.js';
import { whoShows } from '../authenticators.js';
import { bodyOf, type BodyReading } from '../body.js';
import type { Exchange } from '../exchange.js';
import { type ObjectRequest, timely } from '../objects.js';
import { writeOf } from '../query.js';
import { attributesOf, questionErrors, subjectErrors, subjectOf } from './attributes.js';
import { LocalSubjectAccessReview, SelfSubjectAccessReview, SelfSubjectReview, SelfSubjectRulesReview, SubjectAccessReview, type TokenReview } from './kinds.js';

/** What answering reviews needs. */
export interface ReviewsContext extends BodyReading {
  readonly authorizer: Authorizer;
  readonly authenticators: readonly Authenticator[];
}

/** Answers a review: what was asked, with its status. Nothing is stored, so that a dry run is no different. */
export async function answerReview(exchange: Exchange, { kind, ref, user }: ObjectRequest, context: ReviewsContext): Promise<void> {
  const { request, query } = exchange;
  const { encoding } = wantedOf(request.headers.accept);
  const { fieldValidation } = writeOf(query, undefined, 'CreateOptions');
  const review = decoded(kind, await bodyOf(request, context), (warning) => exchange.warn(warning), fieldValidation === 'Strict', fieldValidation === 'Ignore');
  const status = await timely(context, statusOf(review, { user, namespace: ref.namespace, now: exchange.clock.now() }, context), exchange.gone);
  const times = kind === (SelfSubjectReview as unknown) ? { creationTimestamp: timeOfMillis(exchange.clock.now()) } : {};
  const { spec, ...rest } = review as KubeObject & { readonly spec?: unknown };
  return exchange.value(201, { ...rest, metadata: { ...review.metadata, ...times }, ...(kind !== (SelfSubjectReview as unknown) && { spec }), status }, encoding);
}

function decoded(kind: KindDefinition, body: unknown, warn: (message: string) => void, isStrict: boolean, isIgnored: boolean): KubeObject {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw ApiError.badRequest(`the body must be a ${kind.kind} object`);
  const { apiVersion = kind.apiVersion, kind: name = kind.kind } = body as { readonly apiVersion?: unknown; readonly kind?: unknown };
  if (apiVersion !== kind.apiVersion || name !== kind.kind) throw ApiError.badRequest(`the object provided is another one than the request is for: ${kind.apiVersion} ${kind.kind}`);
  const { object, unknown } = decodeObject(kind, body);
  const texts = unknown.slice(0, 20).map((path) => `unknown field ${JSON.stringify(path)}`);
  if (isStrict && texts.length > 0) throw ApiError.badRequest(`strict decoding error: ${texts.join(', ')}`);
  if (!isIgnored) texts.forEach(warn);
  return object;
}

/** Who asks, and where and when. */
interface Asking {
  readonly user: UserInfo;
  readonly namespace: string | undefined;
  readonly now: number;
}

function statusOf(review: KubeObject, { user, namespace }: Asking, context: ReviewsContext): Promise<object> {
  switch (review.kind) {
    case SelfSubjectAccessReview.kind: {
      const { spec } = review as KindOf<typeof SelfSubjectAccessReview>;
      check(SelfSubjectAccessReview, [...metadataErrors(review), ...questionErrors(spec)]);
      return decide(attributesOf(user, spec), context);
    }
    case SubjectAccessReview.kind: {
      const { spec } = review as KindOf<typeof SubjectAccessReview>;
      check(SubjectAccessReview, [...metadataErrors(review), ...questionErrors(spec), ...subjectErrors(spec)]);
      return decide(attributesOf(subjectOf(spec), spec), context);
    }
    case LocalSubjectAccessReview.kind: {
      const { spec } = review as KindOf<typeof LocalSubjectAccessReview>;
      const elsewhere = review.metadata.namespace ?? '';
      if (elsewhere !== '' && elsewhere !== namespace) throw ApiError.badRequest('the namespace of the provided object does not match the namespace sent on the request');
      check(LocalSubjectAccessReview, [...metadataErrors(review, 'namespace'), ...questionErrors(spec), ...subjectErrors(spec), ...placeErrors(spec, namespace)]);
      return decide(attributesOf(subjectOf(spec), spec), context);
    }
    case SelfSubjectRulesReview.kind:
      return rulesOf(user, (review as KindOf<typeof SelfSubjectRulesReview>).spec.namespace ?? '', context);
    case SelfSubjectReview.kind:
      return Promise.resolve({ userInfo: infoOf(user) });
    default:
      return tokenStatus((review as KindOf<typeof TokenReview>).spec, context);
  }
}

const KEPT: ReadonlySet<string> = new Set(['managedFields', 'creationTimestamp']);

function metadataErrors({ metadata }: KubeObject, allowed = ''): FieldError[] {
  return Object.keys(metadata).some((key) => !KEPT.has(key) && key !== allowed) ? [fieldError.invalid('metadata', metadata, 'must be empty')] : [];
}

function placeErrors({ resourceAttributes, nonResourceAttributes }: KindOf<typeof LocalSubjectAccessReview>['spec'], namespace: string | undefined): FieldError[] {
  if (nonResourceAttributes !== undefined) return [fieldError.invalid('spec.nonResourceAttributes', nonResourceAttributes, 'disallowed on this kind of request')];
  const given = resourceAttributes?.namespace ?? '';
  return resourceAttributes !== undefined && given !== namespace ? [fieldError.invalid('spec.resourceAttributes.namespace', given, 'must match metadata.namespace')] : [];
}

function check(kind: { readonly group: string; readonly kind: string }, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw ApiError.invalid(kind, '', [...errors]);
}

async function decide(attributes: Attributes, { authorizer }: ReviewsContext): Promise<object> {
  const { allowed, denied = false, reason } = await authorizer.authorize(attributes);
  return { allowed: allowed && !denied, ...(denied && { denied }), ...(reason !== undefined && reason !== '' && { reason }) };
}

async function rulesOf(user: UserInfo, namespace: string, { authorizer }: ReviewsContext): Promise<object> {
  if (namespace === '') throw ApiError.badRequest('no namespace on request');
  const { rules, incomplete, error } = (await authorizer.rules?.rulesFor(user, namespace)) ?? { rules: [], incomplete: true, error: 'the authorizer does not support user rule resolution' };
  const isPaths = ({ nonResourceURLs = [] }: PolicyRule): boolean => nonResourceURLs.length > 0;
  return {
    resourceRules: rules.filter((rule) => !isPaths(rule)),
    nonResourceRules: rules.filter(isPaths),
    incomplete,
    ...(error !== undefined && { evaluationError: error }),
  };
}

const infoOf = ({ name, uid, groups, extra }: UserInfo): object => ({ username: name, ...(uid !== undefined && { uid }), groups, ...(extra !== undefined && { extra }) });

async function tokenStatus({ token = '', audiences }: KindOf<typeof TokenReview>['spec'], { authenticators }: ReviewsContext): Promise<object> {
  if (token === '') throw ApiError.badRequest('token is required for TokenReview in authentication');
  try {
    const user = await whoShows({ token, ...(audiences !== undefined && audiences.length > 0 && { audiences }) }, authenticators);
    if (user === undefined) return { user: {} };
    return { authenticated: true, user: infoOf(user), ...(user.audiences !== undefined && { audiences: user.audiences }) };
  } catch (error) {
    return { user: {}, error: errorMessage(error) };
  }
}
