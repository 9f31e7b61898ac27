import {
  ApiError, type Client, type Clock, fieldError, type FieldError, type KindDefinition, type KubeObject, Node, Pod, type Random, Secret, type Subresource, type SubresourceRequest, timeOfMillis, TokenRequest,
} from '@orrery/core';
import type { Binding, Named } from './claims.js';
import { signToken, type Signing } from './signing.js';

const MIN_SECONDS = 600;
const MAX_SECONDS = 2 ** 32;
const DEFAULT_SECONDS = 3_600;
/** What pods that are given a token by the API server itself ask for: a mark, by which such a token is known. */
export const POD_TOKEN_SECONDS = 3_607;
/** How long those live when programs may not read their token again. */
const EXTENDED_SECONDS = 365 * 86_400;

/** What tokens are issued with. */
export interface Issuing extends Signing {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  /** Whom a token is for that names nobody. */
  readonly audiences: readonly string[];
  /** Seconds a token lives at most. */
  readonly maxSeconds: number;
  /** Tokens that pods are given live for a year while their pod does. */
  readonly extend: boolean;
}

/** The subresource `serviceaccounts/token`: issues a token to who may create one (registry/core/serviceaccount TokenREST). */
export function tokenSubresource(issuing: () => Issuing): Subresource<TokenRequest> {
  return {
    group: '',
    resource: 'serviceaccounts',
    name: 'token',
    kind: TokenRequest,
    prepare: (request) => prepare(request, issuing().audiences),
    validate: ({ spec: { expirationSeconds } }) => validateSeconds(expirationSeconds),
    create: (request) => issue(request, issuing()),
  };
}

/** The request names the account, or nobody; what is left out is filled in. */
function prepare({ parent, object }: SubresourceRequest<TokenRequest>, audiences: readonly string[]): void {
  const { metadata, spec } = object;
  const { name, namespace } = parent.metadata;
  if ((metadata.name ?? '') !== '' && metadata.name !== name) throw ApiError.badRequest(`the name of the object (${metadata.name?.slice(0, 253)}) does not match the name on the URL (${name})`);
  if ((metadata.namespace ?? '') !== '' && metadata.namespace !== namespace) throw ApiError.badRequest('the namespace of the provided object does not match the namespace sent on the request');
  object.metadata = { ...(name !== undefined && { name }), ...(namespace !== undefined && { namespace }) };
  delete object.status;
  if (spec.audiences.length === 0) spec.audiences = [...audiences];
  spec.expirationSeconds ??= DEFAULT_SECONDS;
}

function validateSeconds(seconds: number | undefined): FieldError[] {
  const path = 'spec.expirationSeconds';
  if (seconds === undefined) return [];
  if (seconds < MIN_SECONDS) return [fieldError.invalid(path, seconds, 'may not specify a duration less than 10 minutes')];
  return seconds > MAX_SECONDS ? [fieldError.invalid(path, seconds, 'may not specify a duration larger than 2^32 seconds')] : [];
}

async function issue({ parent, object, dryRun }: SubresourceRequest<TokenRequest>, issuing: Issuing): Promise<TokenRequest> {
  const { clock, random, maxSeconds, audiences: own, extend } = issuing;
  const { audiences, expirationSeconds = DEFAULT_SECONDS } = object.spec;
  const binding = await boundTo(parent, object.spec.boundObjectRef, issuing.client);
  const now = clock.now();
  const issuedAt = Math.floor(now / 1_000);
  const seconds = Math.min(expirationSeconds, maxSeconds);
  const isForPod = extend && binding.pod !== undefined && seconds === POD_TOKEN_SECONDS && audiences.every((one) => own.includes(one));
  const claims = {
    ...binding, audiences, id: random.uuid(), issuedAt, expires: issuedAt + (isForPod ? EXTENDED_SECONDS : seconds), ...(isForPod && { warnAfter: issuedAt + seconds }),
  };
  const token = dryRun ? '' : await signToken(claims, issuing);
  const metadata = { ...object.metadata, creationTimestamp: timeOfMillis(now) };
  // Also of an extended one: who asks for a new one in time always has one that is good.
  const status = { token, expirationTimestamp: timeOfMillis((issuedAt + seconds) * 1_000) };
  return { apiVersion: TokenRequest.apiVersion, kind: TokenRequest.kind, metadata, spec: { ...object.spec, expirationSeconds: seconds }, status };
}

/** The account, and the object that the token is to end with. Throws NotFound when that is not there, Conflict when it is another by now. */
async function boundTo(account: KubeObject, ref: TokenRequest['spec']['boundObjectRef'], client: Client): Promise<Binding> {
  const { namespace = '', name = '', uid = '' } = account.metadata;
  const base = { namespace, account: { name, uid } };
  if (ref === undefined) return base;
  const find = async <T extends KubeObject>(kind: KindDefinition<T>): Promise<T> => same(kind, ref, await client.kind(kind).get({ name: ref.name ?? '', namespace: kind.namespaced ? namespace : undefined }));
  if (ref.apiVersion !== 'v1') throw unbindable(ref);
  switch (ref.kind) {
    case 'Pod': {
      const pod = await find(Pod);
      if (pod.spec.serviceAccountName !== name) throw ApiError.badRequest(`cannot bind token for serviceaccount ${JSON.stringify(name)} to pod running with different serviceaccount name.`);
      return { ...base, pod: named(pod), ...(await whereItRuns(pod, client)) };
    }
    case 'Secret':
      return { ...base, secret: named(await find(Secret)) };
    case 'Node':
      return { ...base, node: named(await find(Node)) };
    default:
      throw unbindable(ref);
  }
}

async function whereItRuns({ spec: { nodeName: name = '' } }: Pod, client: Client): Promise<Pick<Binding, 'node'>> {
  if (name === '') return {};
  const uid = (await client.kind(Node).find({ name }))?.metadata.uid;
  return { node: { name, ...(uid !== undefined && { uid }) } };
}

function same<T extends KubeObject>(kind: KindDefinition<T>, { uid = '' }: { readonly uid?: string | undefined }, object: T): T {
  if (uid === '' || uid === object.metadata.uid) return object;
  throw ApiError.conflict(kind, object.metadata.name ?? '', `the UID in the bound object reference (${uid.slice(0, 50)}) does not match the UID in record. The object might have been deleted and then recreated`);
}

const named = ({ metadata: { name = '', uid = '' } }: KubeObject): Named => ({ name, uid });
const unbindable = ({ apiVersion = '', kind = '' }: { readonly apiVersion?: string | undefined; readonly kind?: string | undefined }): ApiError =>
  ApiError.badRequest(`cannot bind token to object of type ${`${apiVersion}, Kind=${kind}`.slice(0, 200)}`);
