/**
 * What third parties test their implementations with: conformance suites, each with the mutants that it must catch. Imported by no shipped code.
 * @packageDocumentation
 */
export * from './controller/index.js';
export * from './custom-metrics/index.js';
export * from './history/index.js';
export * from './node-pool/index.js';
export * from './proxy/index.js';
export * from './runtime/index.js';
export * from './scheduler/index.js';
export { ConformanceFailure, check, runCase, runSuite } from './suite.js';
export type { SuiteApi, SuiteCase, SuiteContext } from './suite.js';
export { SeededRandom } from './seeded-random.js';
export * from './simulation/index.js';
export * from './store/index.js';
export { ProcessClock } from './process-clock.js';
export { VirtualClock } from './virtual-clock.js';
