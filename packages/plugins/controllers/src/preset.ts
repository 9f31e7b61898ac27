import { definePlugin } from '@orrery/core';
import { z } from 'zod';
import { cronJobs } from './cronjob/plugin.js';
import { daemonSets } from './daemonset/plugin.js';
import { deployments } from './deployment/plugin.js';
import { disruption } from './disruption/plugin.js';
import { endpoints } from './endpoints/plugin.js';
import { endpointSliceMirroring } from './endpointslice-mirroring/plugin.js';
import { endpointSlices } from './endpointslice/plugin.js';
import { garbageCollection } from './garbage-collector/plugin.js';
import { horizontalPodAutoscaling } from './horizontal-pod-autoscaler/plugin.js';
import { limitRanges } from './limit-range/plugin.js';
import { jobs } from './job/plugin.js';
import { namespaces } from './namespace/plugin.js';
import { nodeLifecycle, nodeLifecycleOptions } from './node-lifecycle/plugin.js';
import { persistentVolumes } from './persistent-volumes/plugin.js';
import { podGc, podGcOptions } from './pod-gc/plugin.js';
import { resourceQuotas } from './quota/plugin.js';
import { replicaSets } from './replicaset/plugin.js';
import { serviceAccounts } from './service-account/plugin.js';
import { given } from './shared/options.js';
import { ttlAfterFinished } from './ttl-after-finished/plugin.js';
import { statefulSets } from './statefulset/plugin.js';

/** All controllers. Options of `nodeLifecycle` and `podGc` are theirs; a controller listed on its own replaces the one of the preset. */
export const workloadControllers = definePlugin({
  name: 'workload-controllers',
  core: '^0.1.0',
  options: z.strictObject({ nodeLifecycle: nodeLifecycleOptions.partial().optional(), podGc: podGcOptions.partial().optional() }).default({}),
  includes: (options) => [
    deployments(),
    replicaSets(),
    statefulSets(),
    daemonSets(),
    jobs(),
    cronJobs(),
    ttlAfterFinished(),
    endpointSlices(),
    endpointSliceMirroring(),
    endpoints(),
    disruption(),
    horizontalPodAutoscaling(),
    garbageCollection(),
    namespaces(),
    nodeLifecycle(nodeLifecycleOptions.parse(given(options.nodeLifecycle ?? {}))),
    podGc(podGcOptions.parse(given(options.podGc ?? {}))),
    persistentVolumes(),
    serviceAccounts(),
    limitRanges(),
    // After every other step: what it charges is to be written.
    resourceQuotas(),
  ],
  setup: () => undefined,
});
