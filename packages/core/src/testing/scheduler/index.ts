import type { SuiteApi, SuiteCase } from '../suite.js';
import { runSuite } from '../suite.js';
import type { SchedulerPluginContext, SchedulerPluginSubject } from './context.js';
import { filterCases } from './filter-cases.js';
import { scoreCases } from './score-cases.js';
import { worldFor } from './world.js';

export { nodeInfoOf, snapshotOf } from './context.js';
export type { SchedulerPluginContext, SchedulerPluginSubject } from './context.js';
export { schedulerPluginMutants } from './mutants.js';
export type { SchedulerPluginMutant } from './mutants.js';

/** Every promise of filters and scores that can be tested from outside. */
export const schedulerPluginCases: readonly SuiteCase<SchedulerPluginContext>[] = [...filterCases, ...scoreCases];

/** What a case is run in: the suite's own pods and nodes, and those of the subject. */
export const schedulerPluginContext = async (subject: SchedulerPluginSubject): Promise<SchedulerPluginContext> => worldFor(subject);

/**
 * The conformance suite of scheduler plugins. With vitest:
 * `schedulerPluginConformance('arch', () => ({ filter: archFilter }), { describe, it });`
 * @param create gives the plugin, and pods and nodes that it treats differently; called once a case
 */
export function schedulerPluginConformance(name: string, create: () => SchedulerPluginSubject, api: SuiteApi): void {
  runSuite(api, `scheduler plugin ${name}`, schedulerPluginCases, () => schedulerPluginContext(create()));
}
