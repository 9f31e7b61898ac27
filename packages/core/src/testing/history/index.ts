export { checkLinearizable, type Linearizability, type Operation, type SequentialModel } from './linearizability.js';
export { type AcknowledgedWrite, checkRevisionOrder, type KeyInput, type KeyOperation, type KeyOutput, type KeyState, keyModel } from './store-model.js';
