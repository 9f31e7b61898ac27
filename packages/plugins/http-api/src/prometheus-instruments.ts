import type { CounterInstrument, GaugeReading, HistogramInstrument, InstrumentAbout, Instruments, LabelValues } from '@orrery/core';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

type Read = () => Iterable<GaugeReading<string>>;
const NO_LABELS: readonly string[] = [];

/** Counts what parts do, for the page `/metrics`. */
export class PrometheusInstruments implements Instruments {
  readonly enabled = true;
  readonly #counters = new Map<string, CounterInstrument<string>>();
  readonly #histograms = new Map<string, HistogramInstrument<string>>();
  readonly #gauges = new Map<string, Set<Read>>();

  constructor(private readonly registry: Registry) {}

  counter<Label extends string = never>({ name, help, labels = [] }: InstrumentAbout<Label>): CounterInstrument<Label> {
    return known(this.#counters, name, () => {
      const counter = new Counter<string>({ name, help, labelNames: labels, registers: [this.registry] });
      return { add: (values: LabelValues<string>, by = 1) => counter.inc(values, by) };
    });
  }

  histogram<Label extends string = never>({ name, help, labels = [], buckets }: InstrumentAbout<Label> & { readonly buckets: readonly number[] }): HistogramInstrument<Label> {
    return known(this.#histograms, name, () => {
      const histogram = new Histogram<string>({ name, help, labelNames: labels, buckets: [...buckets], registers: [this.registry] });
      return { observe: (values: LabelValues<string>, value: number) => histogram.observe(values, value) };
    });
  }

  gauge<Label extends string = never>({ name, help, labels = [] }: InstrumentAbout<Label>, read: () => Iterable<GaugeReading<Label>>): () => void {
    const readers = known(this.#gauges, name, () => this.#gauge(name, help, labels));
    const reader = (): Iterable<GaugeReading<string>> => read();
    readers.add(reader);
    return () => void readers.delete(reader);
  }

  #gauge(name: string, help: string, labels: readonly string[]): Set<Read> {
    const readers = new Set<Read>();
    const labelNames = labels.length === 0 ? NO_LABELS : labels;
    const gauge = new Gauge<string>({
      name,
      help,
      labelNames,
      registers: [this.registry],
      collect() {
        // What nobody shows any more is not on the page.
        gauge.reset();
        for (const reader of readers) for (const [values, value] of reader()) gauge.inc(values, value);
      },
    });
    return readers;
  }
}

function known<Made>(made: Map<string, Made>, name: string, make: () => Made): Made {
  let one = made.get(name);
  if (one === undefined) made.set(name, (one = make()));
  return one;
}
