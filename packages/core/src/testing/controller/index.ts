import type { SuiteApi } from '../suite.js';
import { runSuite } from '../suite.js';
import { ControllerBench } from './bench.js';
import { controllerCases } from './cases.js';
import type { ControllerSubject } from './fixture.js';

export { ControllerBench } from './bench.js';
export { controllerCases } from './cases.js';
export type { ControllerFixture, ControllerSubject } from './fixture.js';
export { controllerMutants } from './mutants.js';
export type { ControllerMutant } from './mutants.js';
export { replicator, replicatorFixture } from './replicator.js';
export type { ReplicatorFlaw } from './replicator.js';

/**
 * The conformance suite of controllers. With vitest:
 * `controllerConformance('replicaset', () => ({ fixture, store: (clock) => new MemoryStore({ clock }) }), { describe, it });`
 * @param create gives a fixture with nothing done yet; called once a case
 */
export function controllerConformance(name: string, create: () => ControllerSubject, api: SuiteApi): void {
  runSuite(api, `controller ${name}`, controllerCases, () => ControllerBench.open(create()));
}
