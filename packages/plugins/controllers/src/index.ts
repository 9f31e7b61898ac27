/**
 * Kubernetes' controllers.
 * @packageDocumentation
 */
import { Controllers, definePlugin } from '@orrery/core';
import { z } from 'zod';
import { deploymentController } from './deployment/controller.js';
import { endpointSliceController } from './endpointslice/controller.js';
import { replicaSetController } from './replicaset/controller.js';

export { deploymentController, type DeploymentControllerOptions } from './deployment/controller.js';
export { maxSurge, maxUnavailable, minAvailable, resolveFenceposts } from './deployment/fenceposts.js';
export { planDeployment, type DeploymentPlan, type DeploymentView, type SetUpdate } from './deployment/plan.js';
export { resized } from './deployment/replica-sets.js';
export { newSetReplicas, planRollingStep, type Resize, type RollingStep } from './deployment/rolling.js';
export { isSaturated, planScale } from './deployment/scaling.js';
export { calculateStatus, isComplete } from './deployment/status.js';
export { endpointSliceController, type EndpointSliceControllerOptions } from './endpointslice/controller.js';
export { planSlices, type SlicePlan, type SliceView } from './endpointslice/plan.js';
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
