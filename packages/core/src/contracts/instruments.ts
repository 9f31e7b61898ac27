import { list, seat } from '../kernel/tokens.js';

/** What an instrument counts. */
export interface InstrumentAbout<Label extends string = never> {
  /** As Prometheus has it, with the name that Kubernetes has for it where there is one, e.g. `workqueue_adds_total`. */
  readonly name: string;
  readonly help: string;
  /** Each must have few values: names of parts, kinds and results, never of objects or users. */
  readonly labels?: readonly Label[];
}

/** A value of each label. */
export type LabelValues<Label extends string> = Readonly<Record<Label, string>>;

/** Only grows. */
export interface CounterInstrument<Label extends string = never> {
  add(labels: LabelValues<Label>, by?: number): void;
}

/** How values are spread. */
export interface HistogramInstrument<Label extends string = never> {
  /** Durations are in seconds. */
  observe(labels: LabelValues<Label>, value: number): void;
}

/** What a gauge shows now. */
export type GaugeReading<Label extends string = never> = readonly [labels: LabelValues<Label>, value: number];

/**
 * Where parts count what they do. Asking twice for a name gives the same instrument; the first who asks says what it is about. Nothing here throws once an instrument was made, and nothing is slow:
 * where nobody collects, counting is a call of an empty function.
 */
export interface Instruments {
  /** Whether anybody collects: work that is done only to be counted can be left out otherwise. */
  readonly enabled: boolean;
  counter<Label extends string = never>(about: InstrumentAbout<Label>): CounterInstrument<Label>;
  /** `buckets`: upper bounds, ascending. */
  histogram<Label extends string = never>(about: InstrumentAbout<Label> & { readonly buckets: readonly number[] }): HistogramInstrument<Label>;
  /**
   * A value that is read when somebody looks. `read` must be cheap however large the cluster is: a size that is known, a sum over parts. Several may show one gauge: values of the same labels are added up.
   * Returns its removal, to be called when what it reads is gone.
   */
  gauge<Label extends string = never>(about: InstrumentAbout<Label>, read: () => Iterable<GaugeReading<Label>>): () => void;
}

const nothing = (): void => {};

/** Where nobody collects. */
export const noInstruments: Instruments = {
  enabled: false,
  counter: () => ({ add: nothing }),
  histogram: () => ({ observe: nothing }),
  gauge: () => nothing,
};

/** `count` bounds, each `factor` times the one before: the buckets that Kubernetes has for most of its durations. */
export const exponentialBuckets = (start: number, factor: number, count: number): readonly number[] => Array.from({ length: count }, (_, i) => Number((start * factor ** i).toPrecision(12)));

/** Those who collect. The front door is one, with its page `/metrics`. */
export const Collectors = list<Instruments>('Collector');
/** Where parts count what they do: every collector hears of it. To be asked for in parts and providers, not in setup. */
export const Instruments = seat<Instruments>('Instruments');

/** One for several collectors. */
export function allInstruments(collectors: readonly Instruments[]): Instruments {
  const [only] = collectors;
  if (only === undefined) return noInstruments;
  if (collectors.length === 1) return only;
  return {
    enabled: true,
    counter: (about) => {
      const all = collectors.map((one) => one.counter(about));
      return { add: (labels, by) => all.forEach((one) => one.add(labels, by)) };
    },
    histogram: (about) => {
      const all = collectors.map((one) => one.histogram(about));
      return { observe: (labels, value) => all.forEach((one) => one.observe(labels, value)) };
    },
    gauge: (about, read) => {
      const all = collectors.map((one) => one.gauge(about, read));
      return () => all.forEach((remove) => remove());
    },
  };
}
