export { createProcessRuntime } from './host/process-runtime.js';
export type { ProcessRuntime } from './host/process-runtime.js';
export type { ProcessRuntimeOptions } from './host/options.js';
