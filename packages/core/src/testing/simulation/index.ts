/** The parts of a simulated cluster that need nothing but core. */
export { FaultyStore } from './faulty-store.js';
export type { CommitFault, LeaseFault, ObservedCommit, ReadFault, StoreFaults, StoreObserver, WatchFault } from './faulty-store.js';
export { LosingStore } from './losing-store.js';
export { SimulatedLine } from './simulated-line.js';
export type { Partition, RequestFault, LineFaults } from './simulated-line.js';
export { ClusterOracle } from './cluster-oracle.js';
export type { ClusterOracleOptions } from './cluster-oracle.js';
export { ReplicaOracle } from './replica-oracle.js';
export type { ReplicaOracleOptions } from './replica-oracle.js';
export { FenceOracle } from './fence-oracle.js';
export { canonicalJson, TraceHash } from './trace-hash.js';
export { WatchValidator } from './watch-validator.js';
