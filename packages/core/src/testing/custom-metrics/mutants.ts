import type { CustomMetrics, MetricReading } from '../../contracts/custom-metrics.js';

/** A source that is broken in one way, and the case that must notice. */
export interface CustomMetricsMutant {
  readonly name: string;
  readonly caughtBy: string;
  wrap(source: CustomMetrics): CustomMetrics;
}

const mapped = (readings: ReadonlyMap<string, MetricReading> | undefined, change: (reading: MetricReading) => MetricReading): ReadonlyMap<string, MetricReading> | undefined =>
  readings && new Map([...readings].map(([name, reading]) => [name, change(reading)]));

/** One for each promise. */
export const customMetricsMutants: readonly CustomMetricsMutant[] = [
  {
    name: 'gives every pod the mean of all',
    caughtBy: 'pods: each has its own value, under its name',
    wrap: (source) => ({
      ...bound(source),
      podMetric: async (question, signal) => {
        const readings = await source.podMetric?.(question, signal);
        const sum = [...(readings?.values() ?? [])].reduce((all, { value }) => all + value, 0);
        return mapped(readings, (reading) => ({ ...reading, value: sum / (readings?.size ?? 1) }));
      },
    }),
  },
  {
    name: 'says 0 of pods without a value',
    caughtBy: 'pods: only those that were asked for, and of them only those that have a value',
    wrap: (source) => ({
      ...bound(source),
      podMetric: async (question, signal) => {
        const readings = await source.podMetric?.(question, signal);
        return readings && new Map(question.pods.map(({ metadata: { name = '' } }) => [name, readings.get(name) ?? { value: 0, timestamp: 0 }]));
      },
    }),
  },
  {
    name: 'tells the same of every object',
    caughtBy: 'objects: the value of the one that was asked for, and none of another',
    wrap: (source) => ({ ...bound(source), objectMetric: async (question, signal) => source.objectMetric?.({ ...question, object: { ...question.object, name: question.object.name.replace(/-other$/, '') } }, signal) }),
  },
  {
    name: 'leaves out all values but the first',
    caughtBy: 'external: all values of the metric',
    wrap: (source) => ({ ...bound(source), externalMetric: async (question, signal) => (await source.externalMetric?.(question, signal))?.slice(0, 1) }),
  },
  {
    name: 'takes every metric for its own',
    caughtBy: 'what it does not know is not its own: the next source is asked',
    wrap: (source) => ({ ...bound(source), podMetric: async (question, signal) => (await source.podMetric?.(question, signal)) ?? new Map() }),
  },
  {
    name: 'tells for ever what it first told',
    caughtBy: 'a change is told',
    wrap: (source) => {
      let first: ReadonlyMap<string, MetricReading> | undefined;
      return { ...bound(source), podMetric: async (question, signal) => (first ??= await source.podMetric?.(question, signal)) };
    },
  },
  {
    name: 'changes what it told',
    caughtBy: 'an answer that was given does not change afterwards',
    wrap: (source) => {
      const shared = new Map<string, MetricReading>();
      return {
        ...bound(source),
        podMetric: async (question, signal) => {
          for (const [name, reading] of (await source.podMetric?.(question, signal)) ?? []) shared.set(name, reading);
          return shared;
        },
      };
    },
  },
];

/** The methods that a source has, whether it is an object or of a class. */
function bound(source: CustomMetrics): CustomMetrics {
  return {
    name: source.name,
    ...(source.podMetric && { podMetric: source.podMetric.bind(source) }),
    ...(source.objectMetric && { objectMetric: source.objectMetric.bind(source) }),
    ...(source.externalMetric && { externalMetric: source.externalMetric.bind(source) }),
  };
}
