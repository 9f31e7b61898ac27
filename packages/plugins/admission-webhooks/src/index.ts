/**
 * Admission webhooks: MutatingWebhookConfiguration and ValidatingWebhookConfiguration (admissionregistration.k8s.io/v1), asked as kube-apiserver does.
 * @packageDocumentation
 */
import { Admissions, Client, definePlugin, Informers, Instruments, type KindDefinition, Kinds, Namespace, ServedKinds, untilAborted } from '@orrery/core';
import { ClusterServices, WebhookClient } from '@orrery/webhook-client';
import { WebhookMetrics } from './calling/metrics.js';
import { webhookStep, type WebhookParts } from './admission.js';
import { Hooks } from './hooks.js';
import { MutatingWebhookConfiguration, ValidatingWebhookConfiguration } from './kinds/configurations.js';

export { MutatingWebhookConfiguration, ValidatingWebhookConfiguration } from './kinds/configurations.js';
export type { MatchCondition, RuleWithOperations, Webhook } from './kinds/forms.js';

/** Serves the two kinds, and asks the webhooks that their objects name. Put it after the plugins whose steps webhooks are to see the work of. Not for an orchestrator whose API is elsewhere. */
export const admissionWebhooks = definePlugin({
  name: 'admission-webhooks',
  core: '^0.1.0',
  setup: ({ add, run, get, scope, clock, random, log }) => {
    for (const kind of [MutatingWebhookConfiguration, ValidatingWebhookConfiguration]) add(Kinds, kind as unknown as KindDefinition);
    const ended = new AbortController();
    scope.defer(() => ended.abort());
    let made: (WebhookParts & { readonly services: ClusterServices }) | undefined;
    const parts = (): NonNullable<typeof made> => {
      if (made !== undefined) return made;
      const informers = get(Informers);
      const services = new ClusterServices(informers);
      const client = new WebhookClient({ clock, random, services });
      const [mutating, validating] = [new Hooks(informers.get(MutatingWebhookConfiguration), ended.signal), new Hooks(informers.get(ValidatingWebhookConfiguration), ended.signal)];
      scope.defer(() => [mutating, validating, client].forEach((part) => part.close()));
      const namespaces = informers.get(Namespace);
      const dispatch = {
        client,
        random,
        log,
        clock,
        metrics: new WebhookMetrics(get(Instruments)),
        versionsOf: (group: string, resource: string) => get(ServedKinds).list().filter((kind) => kind.group === group && kind.plural === resource),
        // One that was made a moment ago may not have been seen.
        labelsOf: async (name: string) => {
          const namespace = namespaces.lister.get(name) ?? (await get(Client).kind(Namespace).find({ name }));
          return namespace && (namespace.metadata.labels ?? {});
        },
      };
      return (made = { mutating, validating, dispatch, services });
    };
    add(Admissions, webhookStep(parts));
    run(() => ({
      name: 'admission-webhooks',
      phase: 'caches',
      run: async (signal, ready) => {
        const { mutating, validating, services } = parts();
        await Promise.all([mutating.synced(signal), validating.synced(signal), services.synced(signal)]);
        ready();
        await untilAborted(signal);
      },
    }));
  },
});
