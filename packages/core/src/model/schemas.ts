// Schemas for the kinds of one's own: Go's scalar types, and the parts of Kubernetes' kinds (a pod template, a label selector, …).

export * from './schema/fields.js';
export { affinity, nodeAffinity, nodeSelector, podAffinity, podAntiAffinity, toleration, topologySpreadConstraint } from './kinds/affinity.js';
export { container, containerPort, volumeMount } from './kinds/container.js';
export { envFromSource, envVar } from './kinds/env.js';
export { metadata } from './kinds/metadata.js';
export { podSpec, podTemplateSpec } from './kinds/pod-spec.js';
export { podStatus } from './kinds/pod-status.js';
export { lifecycle, probe } from './kinds/probes.js';
export { localObjectReference, objectReference } from './kinds/references.js';
export { resourceRequirements } from './kinds/resources.js';
export { podSecurityContext, securityContext } from './kinds/security-context.js';
export { condition, labelSelector } from './kinds/selectors.js';
export { volume } from './kinds/volumes.js';
