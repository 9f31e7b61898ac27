import { defineKind, type KindDefinition, type KubeObject, schemas } from '@orrery/core';
import { applyClientConfigDefaults } from '@orrery/webhook-client';
import { mutatingWebhook, validatingWebhook, type Webhook } from './forms.js';
import { validateConfiguration } from './validate.js';

/** Group of these kinds. */
export const GROUP = 'admissionregistration.k8s.io';

/** Webhooks that may change objects (admissionregistration.k8s.io/v1). */
export interface MutatingWebhookConfiguration extends KubeObject {
  webhooks?: Webhook[] | undefined;
}
/** Webhooks that may only refuse (admissionregistration.k8s.io/v1). */
export interface ValidatingWebhookConfiguration extends KubeObject {
  webhooks?: Webhook[] | undefined;
}

/** The kind {@link MutatingWebhookConfiguration}. */
export const MutatingWebhookConfiguration = kindOf('MutatingWebhookConfiguration', mutatingWebhook, true) as KindDefinition<MutatingWebhookConfiguration>;
/** The kind {@link ValidatingWebhookConfiguration}. */
export const ValidatingWebhookConfiguration = kindOf('ValidatingWebhookConfiguration', validatingWebhook, false) as KindDefinition<ValidatingWebhookConfiguration>;

function kindOf(kind: string, webhook: schemas.Schema<Webhook>, mutates: boolean): KindDefinition<MutatingWebhookConfiguration> {
  return defineKind({
    group: GROUP,
    version: 'v1',
    kind,
    categories: ['api-extensions'],
    namespaced: false,
    tracksGeneration: true,
    fields: { webhooks: schemas.list(webhook, { strategy: 'merge', listType: 'map', key: 'name' }).optional() },
    columns: [{ name: 'Webhooks', type: 'integer', value: (object: KubeObject) => (object as MutatingWebhookConfiguration).webhooks?.length ?? 0 }],
    rules: {
      applyDefaults: (draft: KubeObject) => applyDefaults(draft as MutatingWebhookConfiguration, mutates),
      validate: (object: KubeObject) => validateConfiguration((object as MutatingWebhookConfiguration).webhooks ?? [], mutates),
    },
  }) as unknown as KindDefinition<MutatingWebhookConfiguration>;
}

/** Fills in what was left out (SetDefaults_MutatingWebhook, SetDefaults_ValidatingWebhook, SetDefaults_Rule). */
function applyDefaults({ webhooks }: MutatingWebhookConfiguration, mutates: boolean): void {
  for (const webhook of webhooks ?? []) {
    webhook.failurePolicy ??= 'Fail';
    webhook.matchPolicy ??= 'Equivalent';
    webhook.namespaceSelector ??= {};
    webhook.objectSelector ??= {};
    webhook.timeoutSeconds ??= 10;
    if (mutates) webhook.reinvocationPolicy ??= 'Never';
    applyClientConfigDefaults(webhook.clientConfig);
    for (const rule of webhook.rules ?? []) rule.scope ??= '*';
  }
}
