import { type Admission, builtinKinds, type Controller, ControllerRunner, controllerOf, type Labels, Namespace, Node, Pod, ReplicaSet, Service } from '@orrery/core';
import {
  defaultTolerations, deploymentController, endpointSliceController, garbageCollector, namespaceController, nodeLifecycleController, podGcController, replicaSetController, taintEvictionController,
} from '@orrery/controllers';
import { defaultFilters, defaultScores, fixedProfiles, informedNamespaces, leastAllocated, SchedulerEngine, servicesAndOwner } from '@orrery/scheduler';
import type { ProcessPart, ProcessParts } from './process.js';

/** The controllers of the simulated cluster, made anew for each life of their process. */
export type MakeControllers = () => readonly Controller[];

const kinds = (): typeof builtinKinds => builtinKinds;

/** All that the preset of `@orrery/controllers` has. */
export const allControllers: MakeControllers = () => [
  deploymentController(), replicaSetController(), endpointSliceController(), garbageCollector({ kinds }), namespaceController({ kinds }),
  nodeLifecycleController(), taintEvictionController(), podGcController(),
];

/** Pods leave a lost node after a minute instead of five, so that evictions happen within the time of a simulation. */
export const admissions: readonly Admission[] = [defaultTolerations({ notReadySeconds: 60, unreachableSeconds: 60 })];

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
