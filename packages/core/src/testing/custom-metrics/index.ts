import type { SuiteApi } from '../suite.js';
import { runSuite } from '../suite.js';
import { customMetricsCases } from './cases.js';
import type { CustomMetricsContext } from './cases.js';

export { customMetricsCases, SUITE_METRIC, type CustomMetricsContext, type SuiteValues } from './cases.js';
export { customMetricsMutants, type CustomMetricsMutant } from './mutants.js';

/**
 * The conformance suite of sources of custom metrics. With vitest:
 * `customMetricsConformance('my queue', async () => ({ source, pods, object, set, cleanup }), { describe, it });`
 * What a source does not have (metrics of objects, say) is skipped.
 * @param create gives a fresh source; called once a case
 */
export function customMetricsConformance(name: string, create: () => Promise<CustomMetricsContext>, api: SuiteApi): void {
  runSuite(api, `custom metrics ${name}`, customMetricsCases, create);
}
