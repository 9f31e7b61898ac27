export type { BehaviourOf, SimulatedBehaviour, SimulatedExec, SimulatedLine } from './behaviour.js';
export type { SimulatedContainer } from './container.js';
export type { SimulatedFaults, SimulatedOperation } from './faults.js';
export { SimulatedMachine, simulatedProber } from './machine.js';
export type { SimulatedMachineOptions, SimulatedProbe } from './machine.js';
export { createSimulatedRuntime } from './simulated-runtime.js';
export type { SimulatedRuntimeOptions } from './simulated-runtime.js';
