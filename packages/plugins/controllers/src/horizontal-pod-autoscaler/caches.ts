import {
  type ControllerSetup, DEMAND_LABEL, type Demand, demandOf, holdsRequests, type HorizontalPodAutoscaler, HorizontalPodAutoscaler as Autoscalers, type InformerOptions, keyOf, type KubeObject,
  type LabelMatcher, Lease, type Lister, type ObjectKey, Pod, Service,
} from '@orrery/core';
import { leadsTo, scalesByDemand } from './demand.js';
import { isExact, kindOfTarget, podLabelsOf, type ScalableKind, scaleOf, targetKey } from './target.js';

const TARGET_INDEX = 'autoscaling.target';
const DEMAND_INDEX = 'autoscaling.demand';
const SERVICE_INDEX = 'autoscaling.service';
const LABEL_INDEX = 'autoscaling.label';

const AUTOSCALERS: InformerOptions<HorizontalPodAutoscaler> = {
  indexes: {
    [TARGET_INDEX]: ({ metadata, spec }) => [targetKey(metadata.namespace ?? '', spec.scaleTargetRef)],
    [DEMAND_INDEX]: (autoscaler) => (scalesByDemand(autoscaler) ? [autoscaler.metadata.namespace ?? ''] : []),
  },
};
/** Pods by each of their labels: the pods of a target are found without reading all of its namespace. */
const PODS: InformerOptions<Pod> = { indexes: { [LABEL_INDEX]: ({ metadata }) => Object.entries(metadata.labels ?? {}).map(([key, value]) => `${metadata.namespace}/${key}=${value}`) } };
const LEASES: InformerOptions<Lease> = {
  labelSelector: DEMAND_LABEL,
  indexes: { [SERVICE_INDEX]: (lease) => [`${lease.metadata.namespace}/${lease.metadata.labels?.[DEMAND_LABEL] ?? ''}`] },
};

/** What watches need to know of the informers of the autoscaler. */
export const informerOptions = { autoscalers: AUTOSCALERS, leases: LEASES } as const;

/** What the autoscaler knows of the cluster. */
export class AutoscalerCaches {
  readonly autoscalers: Lister<HorizontalPodAutoscaler>;
  readonly #pods: Lister<Pod>;
  readonly #services: Lister<Service>;
  readonly #leases: Lister<Lease>;
  readonly #targets: ReadonlyMap<ScalableKind, Lister<KubeObject>>;

  constructor(
    setup: ControllerSetup,
    readonly kinds: readonly ScalableKind[],
  ) {
    this.autoscalers = setup.informer(Autoscalers, AUTOSCALERS).lister;
    this.#pods = setup.informer(Pod, PODS).lister;
    this.#services = setup.informer(Service).lister;
    this.#leases = setup.informer(Lease, LEASES).lister;
    this.#targets = new Map(kinds.map((kind) => [kind, setup.informer(kind as ScalableKind).lister]));
  }

  /** The object that an autoscaler scales, with its kind; `kind` alone when there is no such object, undefined when there is no such kind. */
  target({ metadata, spec }: HorizontalPodAutoscaler): { readonly kind: ScalableKind; readonly object: KubeObject | undefined } | undefined {
    const kind = kindOfTarget(this.kinds, spec.scaleTargetRef);
    if (kind === undefined) return undefined;
    const { name } = spec.scaleTargetRef;
    return { kind, object: this.#targets.get(kind)?.get(keyOf({ metadata: kind.namespaced ? { namespace: metadata.namespace, name } : { name } })) };
  }

  /** Keys of the autoscalers of an object. */
  autoscalersOf({ apiVersion, kind, metadata }: KubeObject): readonly ObjectKey[] {
    const key = targetKey(metadata.namespace ?? '', { apiVersion, kind, name: metadata.name ?? '' });
    return this.autoscalers.byIndex(TARGET_INDEX, key).map(keyOf);
  }

  /** The pods that a selector selects. */
  pods(namespace: string, selector: LabelMatcher): readonly Pod[] {
    const exact = selector.requirements.find(isExact);
    const found = exact === undefined ? this.#pods.list(namespace) : exact.values.flatMap((value) => this.#pods.byIndex(LABEL_INDEX, `${namespace}/${exact.key}=${value}`));
    return found.filter(({ metadata }) => selector.matches(metadata.labels));
  }

  /** Other autoscalers of the namespace that have one of these pods among theirs (the HPA controller's AmbiguousSelector). */
  rivals(autoscaler: HorizontalPodAutoscaler, pods: readonly Pod[]): readonly string[] {
    const { namespace, uid } = autoscaler.metadata;
    return this.autoscalers
      .list(namespace)
      .filter((other) => other.metadata.uid !== uid)
      .filter((other) => {
        const selector = this.#selectorOf(other);
        return selector !== undefined && pods.some(({ metadata }) => selector.matches(metadata.labels));
      })
      .map(({ metadata }) => metadata.name ?? '')
      .sort();
  }

  /** The use of the Services that lead to a target and tell it; `told` when there is such a Service. */
  demands(namespace: string, target: KubeObject, selector: LabelMatcher | undefined): { readonly told: boolean; readonly demands: readonly Demand[] } {
    const labels = podLabelsOf(target, selector);
    const services = this.#services.list(namespace).filter((service) => holdsRequests(service) && leadsTo(service, labels));
    const leases = services.flatMap(({ metadata }) => this.#leases.byIndex(SERVICE_INDEX, `${namespace}/${metadata.name}`));
    return { told: services.length > 0, demands: leases.flatMap((lease) => demandOf(lease) ?? []) };
  }

  /** Keys of the autoscalers that a Service is the way to, of those that scale by demand. */
  askedBy(service: Service): readonly ObjectKey[] {
    const { namespace = '' } = service.metadata;
    return this.autoscalers
      .byIndex(DEMAND_INDEX, namespace)
      .filter((autoscaler) => {
        const object = this.target(autoscaler)?.object;
        return object !== undefined && leadsTo(service, podLabelsOf(object, this.#selectorOf(autoscaler)));
      })
      .map(keyOf);
  }

  /** The same for a Lease of demand. */
  askedByLease({ metadata }: Lease): readonly ObjectKey[] {
    const service = this.#services.get(`${metadata.namespace}/${metadata.labels?.[DEMAND_LABEL] ?? ''}`);
    return service === undefined ? [] : this.askedBy(service);
  }

  #selectorOf(autoscaler: HorizontalPodAutoscaler): LabelMatcher | undefined {
    const target = this.target(autoscaler);
    if (target?.object === undefined) return undefined;
    try {
      return scaleOf(target.kind, target.object).selector;
    } catch (error) {
      // It has no pods that it could share; its own autoscaler tells of it.
      if (error instanceof RangeError) return undefined;
      throw error;
    }
  }
}
