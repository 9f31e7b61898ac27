/**
 * Runs pods on a Docker engine.
 * @packageDocumentation
 */
export { Engine } from './engine/engine.js';
export type { EngineOptions } from './engine/engine.js';
