/**
 * What a plugin may implement, and what it is given: interfaces, tokens and promises, no engine.
 * A token shares its name with the contract it stands for, so one import gives both.
 * @packageDocumentation
 */
export * from './admission.js';
export * from './api-documents.js';
export * from './authentication.js';
export * from './authorization.js';
export * from './certificates.js';
export * from './client.js';
export * from './controller.js';
export * from './custom-metrics.js';
export * from './demand.js';
export * from './forwarded-groups.js';
export * from './hooks.js';
export * from './instruments.js';
export * from './kinds.js';
export * from './metrics.js';
export * from './network.js';
export * from './node-pools.js';
export * from './pod-streams.js';
export * from './remote-nodes.js';
export * from './proxy.js';
export * from './remote-api.js';
export * from './runtime.js';
export * from './scheduling.js';
export * from './store.js';
export * from './subresources.js';
export * from './tracing.js';
export * from './transport.js';
export * from './value-codec.js';
