import { type Admission, type Informer, type KindDefinition, type KubeObject, type Pod } from '@orrery/core';
import { whenSynced } from '../shared/when-synced.js';
import { applyRecommendation, UPDATED_BY } from './apply.js';
import type { VerticalPodAutoscaler } from './kind.js';
import { kindsWithPods, targetOf } from './target-pods.js';

/** Where the step reads from. */
export interface VerticalAdmissionOptions {
  autoscalers(): Informer<VerticalPodAutoscaler>;
  informer(kind: KindDefinition): Informer<KubeObject>;
  kinds(): readonly KindDefinition[];
}

/** Gives new pods what is recommended for them, where an autoscaler is told to (any mode but Off). */
export function verticalAdmission(options: VerticalAdmissionOptions): Admission {
  const autoscalers = whenSynced(options.autoscalers);
  return {
    name: 'VerticalPodAutoscaler',
    handles: ({ operation, kind, ref }) => operation === 'CREATE' && kind.group === '' && kind.plural === 'pods' && ref.subresource === undefined,
    mutate: async ({ object }) => {
      const pod = object as Pod;
      const { namespace = '', labels } = pod.metadata;
      const acting = (await autoscalers()).lister.list(namespace).filter(({ spec, status }) => spec.updatePolicy.updateMode !== 'Off' && status?.recommendation !== undefined);
      if (acting.length === 0) return;
      const listers = new Map(kindsWithPods(options.kinds()).map((kind) => [kind, options.informer(kind).lister]));
      const autoscaler = acting.find((one) => targetOf(one, listers)?.selector.matches(labels));
      if (autoscaler !== undefined && applyRecommendation(pod, autoscaler)) (pod.metadata.annotations ??= {})[UPDATED_BY] = autoscaler.metadata.name ?? '';
    },
  };
}
