/**
 * A whole cluster, the shipped code, in virtual time with faults from a seed.
 * @packageDocumentation
 */
export { simulate, type SimulationOptions, type SimulationResult } from './simulate.js';
export { DEFAULT_RATES, NO_FAULTS, type Rates } from './faults.js';
export { type ClusterOptions, type Sabotage, SimulatedCluster } from './cluster.js';
