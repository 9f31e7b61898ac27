/**
 * Orrery: assemble your own orchestrator inside a Node process.
 * @packageDocumentation
 */
export * from './contracts/index.js';
export * from './kernel/index.js';
export * from './model/index.js';
export { ApiClient, type ClientOptions } from './client/api-client.js';
export { RecorderFactory } from './client/event-recorder.js';
export { SharedInformers } from './client/informers.js';
export { type Manifest, readDocument, readManifests } from './client/manifests.js';
export { FencedTransport } from './control/fenced-transport.js';
export { ObjectLeases, type ObjectLeasesOptions } from './control/object-leases.js';
export { LeaderElection, type LeaderElectionOptions, type Leadership, type Term } from './control/leader-election.js';
export { type ControllerDefinition, defineController, type ObjectContext, type StatusOf } from './control/define-controller.js';
export { ControllerRunner, type ControllerRunnerOptions } from './control/controller-runner.js';
export { ProxyRunner, type ProxyRunnerOptions } from './control/proxy-runner.js';
export { RouteTracker, routesOf } from './control/route-tracker.js';
export { type LeaderElectionSettings } from './control/leading.js';
export { createOrchestrator } from './orchestrator.js';
export type { Orchestrator, OrchestratorOptions } from './orchestrator-api.js';
export { resourceOfKey } from './server/keys.js';
export { ApiServer, type ServerOptions } from './server/server.js';
export * from './store-kit/index.js';
