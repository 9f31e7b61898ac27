import type { CustomMetrics, MetricReading } from '../../contracts/custom-metrics.js';
import type { CrossVersionObjectReference } from '../../model/kinds/metric-target.js';
import type { Pod } from '../../model/kinds/pod.js';
import { check, type SuiteCase, type SuiteContext } from '../suite.js';

/** The metric that the suite asks for. */
export const SUITE_METRIC = 'suite_value';

/** What the metric of the suite is. */
export interface SuiteValues {
  /** By the names of pods; others have none. */
  readonly pods: Readonly<Record<string, number>>;
  /** Of the context's object. */
  readonly object: number;
  /** One value or several, which are added up. */
  readonly external: readonly number[];
}

/** What the suite needs to know of a source. */
export interface CustomMetricsContext extends SuiteContext {
  readonly source: CustomMetrics;
  /** Three pods of namespace `default` that the source can ask. */
  readonly pods: readonly Pod[];
  /** An object of namespace `default` that the source knows. */
  readonly object: CrossVersionObjectReference;
  /** Makes {@link SUITE_METRIC} be so; resolves when the source would tell it. */
  set(values: SuiteValues): Promise<void>;
}

const QUESTION = { namespace: 'default', metric: SUITE_METRIC } as const;
const UNKNOWN = { namespace: 'default', metric: 'suite_nobody_knows_this' } as const;
const live = (): AbortSignal => new AbortController().signal;
const nameOf = ({ metadata }: Pod): string => metadata.name ?? '';
const valuesOf = (readings: ReadonlyMap<string, MetricReading> | undefined): Record<string, number> => Object.fromEntries([...(readings ?? [])].map(([name, { value }]) => [name, value]));
const total = (readings: readonly MetricReading[] | undefined): number | undefined => readings?.reduce((sum, { value }) => sum + value, 0);

const hasPods = ({ source }: CustomMetricsContext): boolean => source.podMetric !== undefined;
const hasObjects = ({ source }: CustomMetricsContext): boolean => source.objectMetric !== undefined;
const hasExternal = ({ source }: CustomMetricsContext): boolean => source.externalMetric !== undefined;

function checkReading({ value, timestamp, windowMs = 0 }: MetricReading): void {
  check.that(Number.isFinite(value), `A value is a finite number, not ${value}.`);
  check.that(Number.isFinite(timestamp) && timestamp >= 0, 'A reading says when it was so, in milliseconds since the epoch.');
  check.that(Number.isFinite(windowMs) && windowMs >= 0, 'A window is not negative.');
}

/** Every promise of a source of custom metrics that can be tested from outside. */
export const customMetricsCases: readonly SuiteCase<CustomMetricsContext>[] = [
  {
    name: 'pods: each has its own value, under its name',
    needs: hasPods,
    async run({ source, pods, set }) {
      const [a = '', b = '', c = ''] = pods.map(nameOf);
      await set({ pods: { [a]: 1, [b]: 20, [c]: 300 }, object: 0, external: [] });
      const readings = await source.podMetric?.({ ...QUESTION, pods }, live());
      check.equal(valuesOf(readings), { [a]: 1, [b]: 20, [c]: 300 }, 'The values of the pods.');
      for (const reading of readings?.values() ?? []) checkReading(reading);
    },
  },
  {
    name: 'pods: only those that were asked for, and of them only those that have a value',
    needs: hasPods,
    async run({ source, pods, set }) {
      const [a = '', , c = ''] = pods.map(nameOf);
      await set({ pods: { [a]: 1, [c]: 3 }, object: 0, external: [] });
      check.equal(valuesOf(await source.podMetric?.({ ...QUESTION, pods: pods.slice(0, 2) }, live())), { [a]: 1 }, 'The values of the first two pods, of which one has one.');
    },
  },
  {
    name: 'objects: the value of the one that was asked for, and none of another',
    needs: hasObjects,
    async run({ source, object, set }) {
      await set({ pods: {}, object: 42.5, external: [] });
      const reading = await source.objectMetric?.({ ...QUESTION, object }, live());
      check.equal(reading?.value, 42.5, 'The value of the object.');
      if (reading !== undefined) checkReading(reading);
      const other = await source.objectMetric?.({ ...QUESTION, object: { ...object, name: `${object.name}-other` } }, live());
      check.equal(other?.value, undefined, 'The value of an object that has none.');
    },
  },
  {
    name: 'external: all values of the metric',
    needs: hasExternal,
    async run({ source, set }) {
      await set({ pods: {}, object: 0, external: [7, 30] });
      const readings = await source.externalMetric?.(QUESTION, live());
      check.equal(total(readings), 37, 'The sum of the values.');
      for (const reading of readings ?? []) checkReading(reading);
    },
  },
  {
    name: 'what it does not know is not its own: the next source is asked',
    async run({ source, pods, object, set }) {
      await set({ pods: {}, object: 1, external: [1] });
      check.equal((await source.podMetric?.({ ...UNKNOWN, pods }, live())) === undefined, true, 'Nothing is told of an unknown metric of pods.');
      check.equal((await source.objectMetric?.({ ...UNKNOWN, object }, live())) === undefined, true, 'Nothing is told of an unknown metric of an object.');
      check.equal((await source.externalMetric?.(UNKNOWN, live())) === undefined, true, 'Nothing is told of an unknown external metric.');
    },
  },
  {
    name: 'a change is told',
    async run({ source, pods, object, set }) {
      const [a = ''] = pods.map(nameOf);
      for (const value of [5, 0, 8]) {
        await set({ pods: { [a]: value }, object: value, external: [value] });
        if (source.podMetric !== undefined) check.equal(valuesOf(await source.podMetric({ ...QUESTION, pods }, live())), { [a]: value }, 'The value of the pod now.');
        if (source.objectMetric !== undefined) check.equal((await source.objectMetric({ ...QUESTION, object }, live()))?.value, value, 'The value of the object now.');
        if (source.externalMetric !== undefined) check.equal(total(await source.externalMetric(QUESTION, live())), value, 'The external value now.');
      }
    },
  },
  {
    name: 'an answer that was given does not change afterwards',
    needs: hasPods,
    async run({ source, pods, set }) {
      const [a = ''] = pods.map(nameOf);
      await set({ pods: { [a]: 5 }, object: 0, external: [] });
      const readings = await source.podMetric?.({ ...QUESTION, pods }, live());
      await set({ pods: { [a]: 6 }, object: 0, external: [] });
      await source.podMetric?.({ ...QUESTION, pods }, live());
      check.equal(valuesOf(readings), { [a]: 5 }, 'What was told first.');
    },
  },
];
