import { type AdmissionRequest, ApiError, type Clock, errorMessage, type KindDefinition, type Logger } from '@orrery/core';
import { call, type Calling } from './calling/call.js';
import type { WebhookMetrics, WebhookOutcome } from './calling/metrics.js';
import { CallFailure, internal } from './calling/refusal.js';
import { requestOf, type Verdict } from './calling/review.js';
import { conditionsHold } from './matching/conditions.js';
import { type Hook, type NamespaceLabels, versionFor } from './matching/invocation.js';
import { type Facts, factsOf, inVersion, type KindName } from './matching/subject.js';

/** What asking webhooks needs. */
export interface DispatchParts extends Calling {
  readonly log: Logger;
  readonly clock: Clock;
  readonly metrics: WebhookMetrics;
  /** All versions of a resource that are served, the preferred one first. */
  versionsOf(group: string, resource: string): readonly KindDefinition[];
  /** The labels of a namespace; undefined: there is none. */
  labelsOf(namespace: string): Promise<Readonly<Record<string, string>> | undefined>;
}

/** A webhook that is to be asked, and as what it is told of the objects. */
export interface Invocation {
  readonly hook: Hook;
  readonly facts: Facts;
  readonly told: KindName;
  /** The kind that it is told of, where that is not the one of the request. */
  readonly target: KindDefinition | undefined;
}

/** Whether a webhook is to be asked about a request; undefined: it is not. Throws Forbidden when that cannot be told and the webhook must not be left out. */
export async function invocationOf(hook: Hook, request: AdmissionRequest, parts: DispatchParts): Promise<Invocation | undefined> {
  const facts = factsOf(request);
  const versions = parts.versionsOf(facts.group, facts.resource).filter(({ kind }) => kind === facts.kind.kind);
  const version = await versionFor(hook, facts, versions, labelsFor(facts, parts));
  if (version === undefined) return undefined;
  const target = version === facts.version ? undefined : versions.find((kind) => kind.version === version);
  const told = target === undefined ? facts.kind : { ...facts.kind, version };
  const { matchConditions = [], failurePolicy } = hook.webhook;
  if (matchConditions.length > 0) {
    const object = target === undefined ? facts.object : await inVersion(facts.object, target);
    const oldObject = target === undefined ? facts.old : await inVersion(facts.old, target);
    const holds = conditionsHold(matchConditions, { object, oldObject, request: requestOf(facts, told, request, '') });
    if (holds === false || (typeof holds === 'object' && failurePolicy === 'Ignore')) return undefined;
    if (typeof holds === 'object') {
      const { group, resource: plural, name } = facts;
      throw new ApiError('Forbidden', `${group === '' ? plural : `${plural}.${group}`} ${JSON.stringify(name)} is forbidden: ${holds.problem}`, { name, kind: plural, ...(group !== '' && { group }) });
    }
  }
  return { hook, facts, told, target };
}

/** The labels by which a namespace is chosen: of one that is being written those that it is to have. */
function labelsFor({ group, resource, subresource, operation, namespace, object }: Facts, { labelsOf }: DispatchParts): NamespaceLabels {
  const isWritten = group === '' && resource === 'namespaces' && subresource === '' && (operation === 'CREATE' || operation === 'UPDATE');
  return async () => (isWritten ? (object?.metadata.labels ?? {}) : labelsOf(namespace));
}

/** Asks a webhook. Undefined: it could not be asked, and need not be. Throws what the request is refused with. */
export async function ask(invocation: Invocation, request: AdmissionRequest, mutates: boolean, index: number, parts: DispatchParts): Promise<Pick<Verdict, 'patch' | 'patchType'> | undefined> {
  const { hook, facts, told, target } = invocation;
  const { webhook } = hook;
  const { clock, metrics } = parts;
  const [started, type] = [clock.monotonic(), mutates ? 'admit' : 'validating'] as const;
  const ended = (code: number, refusal: WebhookOutcome['refusal']): void => metrics.asked({ name: webhook.name, type, operation: facts.operation, seconds: (clock.monotonic() - started) / 1000, code, refusal });
  try {
    const object = target === undefined ? facts.object : await inVersion(facts.object, target);
    const old = target === undefined ? facts.old : await inVersion(facts.old, target);
    const verdict = await call(parts, { hook, request, facts, told, object, old, mutates });
    ended(200, undefined);
    return verdict;
  } catch (error) {
    if (error instanceof CallFailure) {
      ended(0, webhook.failurePolicy === 'Ignore' ? undefined : 'calling_webhook_error');
      return failed(error, webhook.failurePolicy, request, { mutates, index, name: webhook.name, parts });
    }
    if (ApiError.is(error)) ended(error.code, 'no_error');
    else ended(0, 'apiserver_internal_error');
    throw ApiError.is(error) ? error : internal(errorMessage(error), error);
  }
}

interface FailedCall {
  readonly mutates: boolean;
  readonly index: number;
  readonly name: string;
  readonly parts: Pick<DispatchParts, 'log' | 'metrics'>;
}

/** What the failure policy makes of a webhook that could not be asked. */
export function failed(error: CallFailure, failurePolicy: string | undefined, request: AdmissionRequest, { mutates, index, name, parts: { log, metrics } }: FailedCall): undefined {
  if (failurePolicy !== 'Ignore') throw internal(error.message, error);
  if (request.signal?.aborted === true) throw new ApiError('Timeout', 'request did not complete within requested timeout', {}, error);
  log.warn('a webhook could not be asked; going on without it', { webhook: name, error: error.message });
  metrics.leftOut(name, mutates ? 'admit' : 'validating');
  request.annotate(`failed-open.${mutates ? 'mutation' : 'validating'}.webhook.admission.k8s.io/round_${request.isAgain ? 1 : 0}_index_${index}`, name);
  return undefined;
}
