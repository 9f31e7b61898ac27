/**
 * Kubernetes' controllers.
 * @packageDocumentation
 */
import { Admissions, builtinKinds, Controllers, definePlugin, type Get, Kinds, type KindDefinition } from '@orrery/core';
import { z } from 'zod';
import { deploymentController } from './deployment/controller.js';
import { endpointSliceController } from './endpointslice/controller.js';
import { garbageCollector } from './garbage-collector/controller.js';
import { namespaceController, namespaceFinalizer } from './namespace/controller.js';
import { nodeLifecycleController } from './node-lifecycle/controller.js';
import { defaultTolerations } from './node-lifecycle/default-tolerations.js';
import { taintEvictionController } from './node-lifecycle/taint-eviction.js';
import { persistentVolumeController } from './persistent-volumes/controller.js';
import { storageProtection } from './persistent-volumes/protection.js';
import { podGcController } from './pod-gc/controller.js';
import { replicaSetController } from './replicaset/controller.js';

export { type DaemonPlacement, daemonPlacement, daemonTolerations } from './daemonset/placement.js';
export { countIndexes, formatIndexes, type IndexRuns, parseIndexes, withIndexes } from './job/indexes.js';
export { deploymentController, type DeploymentControllerOptions } from './deployment/controller.js';
export { maxSurge, maxUnavailable, minAvailable, resolveFenceposts } from './deployment/fenceposts.js';
export { planDeployment, type DeploymentPlan, type DeploymentView, type SetUpdate } from './deployment/plan.js';
export { resized } from './deployment/replica-sets.js';
export { newSetReplicas, planRollingStep, type Resize, type RollingStep } from './deployment/rolling.js';
export { isSaturated, planScale } from './deployment/scaling.js';
export { calculateStatus, isComplete } from './deployment/status.js';
export { endpointSliceController, type EndpointSliceControllerOptions } from './endpointslice/controller.js';
export { planSlices, type SlicePlan, type SliceView } from './endpointslice/plan.js';
export { garbageCollector, type GarbageCollectorOptions } from './garbage-collector/controller.js';
export { planCollect, type CollectPlan, type CollectView } from './garbage-collector/plan.js';
export type { Item, Owner } from './garbage-collector/graph.js';
export { namespaceController, namespaceFinalizer, type NamespaceControllerOptions } from './namespace/controller.js';
export { nodeLifecycleController, type NodeLifecycleOptions } from './node-lifecycle/controller.js';
export { defaultTolerations, type DefaultTolerationSeconds } from './node-lifecycle/default-tolerations.js';
export { evictionTime, type EvictionTime } from './node-lifecycle/eviction.js';
export { taintEvictionController, type TaintEvictionOptions } from './node-lifecycle/taint-eviction.js';
export { planTaints } from './node-lifecycle/taints.js';
export { evictionInterval, type EvictionRates } from './node-lifecycle/zones.js';
export { persistentVolumeController } from './persistent-volumes/controller.js';
export { findVolume } from './persistent-volumes/match.js';
export { type ClaimStep, type ClaimView, planClaimStep, planVolumeStep, type VolumeStep } from './persistent-volumes/plan.js';
export { podGcController, type PodGcOptions } from './pod-gc/controller.js';
export { replicaSetController, type ReplicaSetControllerOptions } from './replicaset/controller.js';
export { planReplicas, podFor, type ReplicaPlan } from './replicaset/plan.js';
export { podsToDelete } from './replicaset/ranking.js';
export { isPodAvailable } from './shared/pods.js';

const workers = z.int().min(1).max(100).optional();
/** Options that were given. */
const some = <T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> };

/** Deployments: rolling updates, scaling, history, progress. */
export const deployments = definePlugin({
  name: 'controller-deployment',
  core: '^0.1.0',
  options: z.strictObject({ workers }).default({}),
  setup: ({ add, options }) => add(Controllers, deploymentController(some(options))),
});

/** ReplicaSets: as many pods as asked for. */
export const replicaSets = definePlugin({
  name: 'controller-replicaset',
  core: '^0.1.0',
  options: z.strictObject({ workers }).default({}),
  setup: ({ add, options }) => add(Controllers, replicaSetController(some(options))),
});

/** EndpointSlices of services with selectors. */
export const endpointSlices = definePlugin({
  name: 'controller-endpointslice',
  core: '^0.1.0',
  options: z.strictObject({ workers, maxEndpointsPerSlice: z.int().min(1).max(1000).optional() }).default({}),
  setup: ({ add, options }) => add(Controllers, endpointSliceController(some(options))),
});

/** The kinds that are served: the built-in ones and those that plugins add. Kinds added while running are not among them. */
const served = (get: Get): readonly KindDefinition[] => [...builtinKinds, ...get(Kinds).items()];

/** Deletes what lost all its owners; foreground deletion and orphaning. */
export const garbageCollection = definePlugin({
  name: 'controller-garbage-collector',
  core: '^0.1.0',
  options: z.strictObject({ workers }).default({}),
  setup: ({ add, get, options }) => add(Controllers, garbageCollector({ ...some(options), kinds: () => served(get) })),
});

/** Empties namespaces that are deleted. Namespaces made while it is there wait for it. */
export const namespaces = definePlugin({
  name: 'controller-namespace',
  core: '^0.1.0',
  options: z.strictObject({ workers, pollSeconds: z.number().positive().default(5) }).default({ pollSeconds: 5 }),
  setup: ({ add, get, options: { pollSeconds, ...rest } }) => {
    add(Admissions, namespaceFinalizer);
    add(Controllers, namespaceController({ ...some(rest), pollMs: pollSeconds * 1000, kinds: () => served(get) }));
  },
});

const seconds = z.number().nonnegative();
const nodeLifecycleOptions = z.strictObject({
  /** Silence after which a node is unreachable. */
  gracePeriodSeconds: z.number().positive().default(50),
  /** The same for a node that never reported. */
  startupGracePeriodSeconds: z.number().positive().default(60),
  /** How often a node that is not ready is looked at. */
  monitorPeriodSeconds: z.number().positive().default(5),
  /** Nodes a second and zone whose pods are evicted. */
  evictionsPerSecond: z.number().nonnegative().default(0.1),
  /** The same in a large zone of which most is down. */
  secondaryEvictionsPerSecond: z.number().nonnegative().default(0.01),
  /** Share of a zone that must be down for that. */
  unhealthyZoneThreshold: z.number().min(0).max(1).default(0.55),
  /** Nodes above which a zone is large. */
  largeClusterSize: z.int().nonnegative().default(50),
  /** How long pods that do not say stay on a node that is not ready. */
  notReadyTolerationSeconds: seconds.default(300),
  /** The same on a node that is unreachable. */
  unreachableTolerationSeconds: seconds.default(300),
});

/** Notices dead nodes, taints them and evicts their pods; pods get default tolerations on creation. */
export const nodeLifecycle = definePlugin({
  name: 'controller-node-lifecycle',
  core: '^0.1.0',
  options: nodeLifecycleOptions.default(nodeLifecycleOptions.parse({})),
  setup: ({ add, options }) => {
    add(Admissions, defaultTolerations({ notReadySeconds: options.notReadyTolerationSeconds, unreachableSeconds: options.unreachableTolerationSeconds }));
    add(
      Controllers,
      nodeLifecycleController({
        gracePeriodMs: options.gracePeriodSeconds * 1000,
        startupGracePeriodMs: options.startupGracePeriodSeconds * 1000,
        monitorPeriodMs: options.monitorPeriodSeconds * 1000,
        nodesPerSecond: options.evictionsPerSecond,
        secondaryNodesPerSecond: options.secondaryEvictionsPerSecond,
        unhealthyShare: options.unhealthyZoneThreshold,
        largeZone: options.largeClusterSize,
      }),
    );
    add(Controllers, taintEvictionController());
  },
});

const podGcOptions = z.strictObject({
  /** Ended pods that are kept; 0: all. */
  terminatedPodThreshold: z.int().nonnegative().default(12_500),
  /** How long a node must be gone before its pods are removed. */
  quarantineSeconds: seconds.default(40),
});

/** Removes pods of nodes that are gone, and the oldest that ended. */
export const podGc = definePlugin({
  name: 'controller-pod-gc',
  core: '^0.1.0',
  options: podGcOptions.default(podGcOptions.parse({})),
  setup: ({ add, options }) => add(Controllers, podGcController({ terminatedThreshold: options.terminatedPodThreshold, quarantineMs: options.quarantineSeconds * 1000 })),
});

/** Binds claims to volumes, and keeps both while they are in use. */
export const persistentVolumes = definePlugin({
  name: 'controller-persistent-volumes',
  core: '^0.1.0',
  setup: ({ add }) => {
    add(Admissions, storageProtection);
    add(Controllers, persistentVolumeController());
  },
});

/** All of the above. Options of `nodeLifecycle` and `podGc` are theirs; a controller listed on its own replaces the one of the preset. */
export const workloadControllers = definePlugin({
  name: 'workload-controllers',
  core: '^0.1.0',
  options: z.strictObject({ nodeLifecycle: nodeLifecycleOptions.partial().optional(), podGc: podGcOptions.partial().optional() }).default({}),
  includes: (options) => [
    deployments(),
    replicaSets(),
    endpointSlices(),
    garbageCollection(),
    namespaces(),
    nodeLifecycle(nodeLifecycleOptions.parse(some(options.nodeLifecycle ?? {}))),
    podGc(podGcOptions.parse(some(options.podGc ?? {}))),
    persistentVolumes(),
  ],
  setup: () => undefined,
});
