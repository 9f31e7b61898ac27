import type { SuiteApi } from '../suite.js';
import { runSuite } from '../suite.js';
import type { RuntimeCase, RuntimeContext } from './context.js';
import { confinementCases } from './confinement-cases.js';
import { environmentCases } from './environment-cases.js';
import { imageCases } from './image-cases.js';
import { lifecycleCases } from './lifecycle-cases.js';
import { resizeCases } from './resize-cases.js';
import { robustnessCases } from './robustness-cases.js';
import { streamCases } from './stream-cases.js';

export type { ExecProgram, RuntimeCase, RuntimeContext, RuntimeProgram } from './context.js';
export { runtimeMutants } from './mutants.js';
export type { RuntimeMutant } from './mutants.js';
export { realRuntimeMutants } from './real-mutants.js';

/** Every promise of the runtime contract that can be tested from outside. */
export const runtimeCases: readonly RuntimeCase[] = [...lifecycleCases, ...streamCases, ...environmentCases, ...confinementCases, ...resizeCases, ...imageCases, ...robustnessCases];

/**
 * The conformance suite of the runtime seat. With vitest:
 * `runtimeConformance('process', createContext, { describe, it });`
 * @param create gives a fresh engine and a runtime on it; called once a case
 */
export function runtimeConformance(name: string, create: () => Promise<RuntimeContext>, api: SuiteApi): void {
  runSuite(api, `runtime ${name}`, runtimeCases, create);
}
