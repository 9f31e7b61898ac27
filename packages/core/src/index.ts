/**
 * Orrery: assemble your own orchestrator inside a Node process.
 * @packageDocumentation
 */
export * from './contracts/index.js';
export * from './kernel/index.js';
export * from './model/index.js';
