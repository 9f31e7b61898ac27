import { type AdmissionRequest, ApiError, errorMessage, type KubeObject, type Random } from '@orrery/core';
import { type WebhookClient, WebhookFailure } from '@orrery/webhook-client';
import type { Hook } from '../matching/invocation.js';
import type { Facts, KindName } from '../matching/subject.js';
import { CallFailure, deniedBy } from './refusal.js';
import { requestOf, reviewVersion, type Verdict, verdictOf } from './review.js';

/** What calling needs. */
export interface Calling {
  readonly client: Pick<WebhookClient, 'ask'>;
  readonly random: Random;
}

/** One question to one webhook. */
export interface Question {
  readonly hook: Hook;
  readonly request: AdmissionRequest;
  readonly facts: Facts;
  /** The kind that the objects are of as the webhook is told. */
  readonly told: KindName;
  readonly object: KubeObject | undefined;
  readonly old: KubeObject | undefined;
  readonly mutates: boolean;
}

const HARMLESS: ReadonlySet<unknown> = new Set(['None', 'NoneOnDryRun']);

/**
 * Asks one webhook, and passes on what it has to say. Answers its patch, not read yet. Throws `ApiError` when it refuses or a dry run is not for it, and `CallFailure` when it cannot be asked
 * or does not answer as it must.
 */
export async function call({ client, random }: Calling, { hook, request, facts, told, object, old, mutates }: Question): Promise<Pick<Verdict, 'patch' | 'patchType'>> {
  const { webhook } = hook;
  if (request.dryRun && !HARMLESS.has(webhook.sideEffects)) throw ApiError.badRequest(`admission webhook ${JSON.stringify(webhook.name)} does not support dry run`);
  const verdict = await ask();
  for (const [key, value] of verdict.auditAnnotations) request.annotate(`${webhook.name}/${key}`, value);
  for (const text of verdict.warnings) request.warn(text);
  if (!verdict.allowed) throw deniedBy(webhook.name, verdict.status);
  return verdict;

  async function ask(): Promise<Verdict> {
    const uid = random.uuid();
    let version: string;
    try {
      version = reviewVersion(webhook.admissionReviewVersions);
    } catch (error) {
      throw new CallFailure(webhook.name, `could not create admission objects: ${errorMessage(error)}`, error);
    }
    const review = { kind: 'AdmissionReview', apiVersion: `admission.k8s.io/${version}`, request: { ...requestOf(facts, told, request, uid), object: object ?? null, oldObject: old ?? null } };
    try {
      const answer = await client.ask(webhook.clientConfig, review, { timeoutMs: (webhook.timeoutSeconds ?? 10) * 1000, signal: request.signal });
      return verdictOf(answer, { uid, version, mutates });
    } catch (error) {
      throw new CallFailure(webhook.name, `${error instanceof WebhookFailure ? 'failed to call webhook' : 'received invalid webhook response'}: ${errorMessage(error)}`, error);
    }
  }
}
