import {
  type Admission, builtinKinds, type Client, type Clock, type Controller, ControllerRunner, controllerOf, type CustomMetrics, type Informers, type Labels, LimitRange, type MetricsSource, Namespace, Node, Pod, ReplicaSet,
  ResourceQuota, Service, ServiceAccount,
} from '@orrery/core';
import {
  cronJobController, daemonSetController, defaultTolerations, deploymentController, disruptionController, endpointSliceController, garbageCollector, horizontalPodAutoscaler, jobController, jobOrphansController,
  limitRanger, namespaceController, namespaceDefaultsController, nodeLifecycleController, persistentVolumeController, podGcController, quotaController, replicaSetController, resourceQuotaAdmission,
  serviceAccountAdmission, staleDisruptionController, statefulSetController, taintEvictionController, ttlAfterFinishedController,
} from '@orrery/controllers';
import { defaultFilters, defaultScores, fixedProfiles, informedNamespaces, leastAllocated, SchedulerEngine, servicesAndOwner } from '@orrery/scheduler';
import type { ProcessPart, ProcessParts } from './process.js';

/** The controllers of the simulated cluster, made anew for each life of their process. */
export type MakeControllers = () => readonly Controller[];

/** Where autoscalers get their numbers from. */
export interface MetricInputs {
  readonly usage?: readonly MetricsSource[];
  readonly custom?: readonly CustomMetrics[];
}

const kinds = (): typeof builtinKinds => builtinKinds;

/** As `horizontalPodAutoscaling` has them without options. */
const AUTOSCALER = { workers: 5, syncPeriodMs: 15_000, downscaleStabilizationMs: 300_000, tolerance: 0.1, cpuInitializationMs: 300_000, initialReadinessDelayMs: 30_000, maxSampleAgeMs: 120_000, idleMs: 300_000 };

/** All controllers that the preset of `@orrery/controllers` has, with autoscalers that read these metrics. */
export const controllersWith = ({ usage = [], custom = [] }: MetricInputs): MakeControllers => () => [
  deploymentController(), replicaSetController(), statefulSetController(), daemonSetController(), jobController(), jobOrphansController(), cronJobController(), ttlAfterFinishedController(),
  endpointSliceController(), disruptionController({ kinds }), staleDisruptionController(), horizontalPodAutoscaler({ ...AUTOSCALER, kinds, usage: () => usage, custom: () => custom }),
  garbageCollector({ kinds }), namespaceController({ kinds }), nodeLifecycleController(), taintEvictionController(), podGcController(), persistentVolumeController(), namespaceDefaultsController(),
  quotaController({ kinds }),
];

/** What clusters of Deployments and bare pods need: a simulation of those takes half the time without the rest. */
export const deploymentControllers: MakeControllers = () => [
  deploymentController(), replicaSetController(), endpointSliceController(), garbageCollector({ kinds }), namespaceController({ kinds }), nodeLifecycleController(), taintEvictionController(), podGcController(),
];

/** All that the preset has; autoscalers find no metrics. */
export const allControllers: MakeControllers = controllersWith({});

/** Pods leave a lost node after a minute instead of five, so that evictions happen within the time of a simulation. */
const tolerations = defaultTolerations({ notReadySeconds: 60, unreachableSeconds: 60 });

/** The admission steps for {@link deploymentControllers}. */
export const deploymentAdmissions: readonly Admission[] = [tolerations];

/** The admission steps of the preset. Those with caches get them when the first request comes. */
export function admissionsOf(sources: { readonly client: Client; readonly informers: Informers; readonly clock: Clock }): readonly Admission[] {
  const { client, informers, clock } = sources;
  return [
    serviceAccountAdmission(() => ({ client, accounts: informers.get(ServiceAccount), clock })),
    tolerations,
    limitRanger(() => informers.get(LimitRange)),
    // After every other step: what it charges is to be written.
    resourceQuotaAdmission(() => ({ client, quotas: informers.get(ResourceQuota), clock })),
  ];
}

/** The parts of the controllers' process. */
export function controllerParts(make: MakeControllers, { client, informers, events, clock, random, log }: ProcessParts): readonly ProcessPart[] {
  return make().map((controller) => new ControllerRunner(controller, { client, informers, events: events(controller.name), clock, random, log }));
}

/** The parts of the scheduler's process: the engine with the profile of `@orrery/scheduler-spread`. */
export function schedulerParts({ client, informers, events, clock, random, log, defer }: ProcessParts): readonly ProcessPart[] {
  const services = informers.get(Service).lister;
  const replicaSets = informers.get(ReplicaSet).lister;
  const { namespaces, stop } = informedNamespaces(informers.get(Namespace));
  defer(stop);
  const ownerLabels = (pod: Pod): Labels | undefined => {
    const owner = controllerOf(pod);
    return owner?.kind === 'ReplicaSet' ? replicaSets.get(`${pod.metadata.namespace}/${owner.name}`)?.spec.selector.matchLabels : undefined;
  };
  const sources = { namespaces, belongTogether: servicesAndOwner({ services: (namespace) => services.list(namespace), ownerLabels }) };
  const profile = { schedulerName: 'default-scheduler', filters: defaultFilters(sources), scores: defaultScores(sources, { plugin: leastAllocated(), weight: 1 }) };
  return [
    new SchedulerEngine({ client, pods: informers.get(Pod), nodes: informers.get(Node), events: events('default-scheduler'), profiles: fixedProfiles(profile), clock, random, log }),
  ];
}
