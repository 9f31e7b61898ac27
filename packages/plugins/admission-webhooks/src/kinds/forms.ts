import { type LabelSelector, schemas } from '@orrery/core';
import { type ClientConfig, clientConfig } from '@orrery/webhook-client';
import type { z } from 'zod';

const { int32, list, pointer, struct, text } = schemas;

const ruleSchema = struct({
  operations: list(text).optional(),
  apiGroups: list(text).optional(),
  apiVersions: list(text).optional(),
  resources: list(text).optional(),
  scope: pointer(text),
});
/** Which requests: each of the lists has to fit. */
export interface RuleWithOperations extends z.infer<typeof ruleSchema> {}

const matchConditionSchema = struct({ name: text.default(''), expression: text.default('') });
/** An expression in CEL that has to hold. */
export interface MatchCondition extends z.infer<typeof matchConditionSchema> {}

/** One webhook (admissionregistration.k8s.io/v1 MutatingWebhook and ValidatingWebhook). */
export interface Webhook {
  name: string;
  clientConfig: ClientConfig;
  rules?: RuleWithOperations[] | undefined;
  failurePolicy?: string | undefined;
  matchPolicy?: string | undefined;
  namespaceSelector?: LabelSelector | undefined;
  objectSelector?: LabelSelector | undefined;
  sideEffects?: string | undefined;
  timeoutSeconds?: number | undefined;
  admissionReviewVersions: string[];
  matchConditions?: MatchCondition[] | undefined;
  /** Of mutating ones only. */
  reinvocationPolicy?: string | undefined;
}

const fields = {
  name: text.default(''),
  clientConfig: schemas.requiredStruct(clientConfig),
  rules: list(ruleSchema).optional(),
  failurePolicy: pointer(text),
  matchPolicy: pointer(text),
  namespaceSelector: pointer(schemas.labelSelector),
  objectSelector: pointer(schemas.labelSelector),
  sideEffects: pointer(text),
  timeoutSeconds: pointer(int32),
  admissionReviewVersions: list(text).default([]),
  matchConditions: list(matchConditionSchema, { strategy: 'merge', listType: 'map', key: 'name' }).optional(),
};

/** Schema of a validating webhook. */
export const validatingWebhook = struct(fields) as unknown as schemas.Schema<Webhook>;
/** Schema of a mutating webhook. */
export const mutatingWebhook = struct({ ...fields, reinvocationPolicy: pointer(text) }) as unknown as schemas.Schema<Webhook>;
