import { describe, expect, it } from 'vitest';
import type { CustomMetrics, MetricReading } from '../../contracts/custom-metrics.js';
import type { Pod } from '../../model/kinds/pod.js';
import { runCase } from '../suite.js';
import { customMetricsCases, customMetricsConformance, type CustomMetricsContext, customMetricsMutants, SUITE_METRIC, type SuiteValues } from './index.js';

/** A user's functions over plain values. */
async function functions(): Promise<CustomMetricsContext> {
  let values: SuiteValues = { pods: {}, object: 0, external: [] };
  const reading = (value: number): MetricReading => ({ value, timestamp: 1 });
  const source: CustomMetrics = {
    name: 'functions',
    podMetric: async ({ metric, pods }) => {
      if (metric !== SUITE_METRIC) return undefined;
      return new Map(pods.flatMap(({ metadata: { name = '' } }) => (values.pods[name] === undefined ? [] : [[name, reading(values.pods[name])] as const])));
    },
    objectMetric: async ({ metric, object }) => (metric === SUITE_METRIC && object.name === 'main' ? reading(values.object) : undefined),
    externalMetric: async ({ metric }) => (metric === SUITE_METRIC ? values.external.map(reading) : undefined),
  };
  const pods = ['a', 'b', 'c'].map((name) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec: { containers: [] } }) as unknown as Pod);
  return { source, pods, object: { kind: 'Ingress', name: 'main' }, set: async (next) => void (values = next), cleanup: async () => {} };
}

customMetricsConformance('of functions', functions, { describe, it });

describe('the suite catches', () => {
  for (const mutant of customMetricsMutants) {
    it(`a source that ${mutant.name}`, async () => {
      const found = customMetricsCases.find(({ name }) => name === mutant.caughtBy);
      if (found === undefined) throw new Error(`there is no case "${mutant.caughtBy}"`);
      const broken = async (): Promise<CustomMetricsContext> => {
        const context = await functions();
        return { ...context, source: mutant.wrap(context.source) };
      };
      await expect(runCase(found, broken)).rejects.toThrow();
    });
  }

  it('each promise has a mutant', () => expect(new Set(customMetricsMutants.map(({ caughtBy }) => caughtBy))).toEqual(new Set(customMetricsCases.map(({ name }) => name))));
});
