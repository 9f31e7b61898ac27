import { type Clock, type CustomMetrics, errorMessage, type Logger, type MetricQuestion, type MetricReading, type Pod } from '@orrery/core';
import { Pages } from './pages.js';
import { readingOf } from './reading.js';

/** One page to ask. */
export interface Endpoint {
  readonly url: URL;
  /** Sent along; for credentials. Never logged. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What the source is made from. */
export interface PrometheusOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Asked for metrics of objects and for external ones. */
  readonly endpoints: readonly Endpoint[];
  /** Where pods are asked that do not say; without a port only those that do. */
  readonly pods: { readonly port?: number | undefined; readonly path: string };
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly freshMs: number;
}

/** Annotations by which a pod says where its metrics are, as Prometheus' usual configuration reads them. */
const SCRAPE = 'prometheus.io/scrape';
const PORT = 'prometheus.io/port';
const PATH = 'prometheus.io/path';

/** Custom metrics from pages in Prometheus' text format. Counters are told as what they grow a second. */
export class PrometheusMetrics implements CustomMetrics {
  readonly name = 'prometheus';
  readonly #pages: Pages;

  constructor(private readonly options: PrometheusOptions) {
    const { clock, timeoutMs, maxBytes, freshMs } = options;
    this.#pages = new Pages(clock, { timeoutMs, maxBytes, freshMs });
  }

  /** Asks each pod; those that do not answer are left out. Undefined when no pod has a page, or none knows the metric. Throws when none answers. */
  async podMetric({ metric, selector, pods }: MetricQuestion & { readonly pods: readonly Pod[] }, signal: AbortSignal): Promise<ReadonlyMap<string, MetricReading> | undefined> {
    const asked = pods.flatMap((pod) => {
      const url = podPage(pod, this.options.pods);
      return url === undefined ? [] : [{ name: pod.metadata.name ?? '', url }];
    });
    if (asked.length === 0) return undefined;
    const readings = new Map<string, MetricReading>();
    const failures: unknown[] = [];
    let known = false;
    await Promise.all(
      asked.map(async ({ name, url }) => {
        try {
          const page = await this.#pages.read(url, undefined, signal);
          known ||= page.series.some((one) => one.name === metric);
          const reading = readingOf(page, { metric, selector });
          if (reading !== undefined) readings.set(name, reading);
        } catch (error) {
          failures.push(error);
          this.options.log.debug('a pod did not tell its metrics', { pod: name, error: errorMessage(error) });
        }
      }),
    );
    if (failures.length === asked.length) throw failures[0];
    return readings.size > 0 || known ? readings : undefined;
  }

  /** The series that have the labels `namespace` and, by its kind in lower case, the name of the object. */
  async objectMetric({ metric, selector, namespace, object }: Parameters<NonNullable<CustomMetrics['objectMetric']>>[0], signal: AbortSignal): Promise<MetricReading | undefined> {
    const labels = { namespace, [object.kind.toLowerCase()]: object.name };
    return (await this.#fromEndpoints({ metric, selector, labels }, signal))[0];
  }

  /** All series of the metric that the selector selects; one value for each page that has some. */
  async externalMetric({ metric, selector }: MetricQuestion, signal: AbortSignal): Promise<readonly MetricReading[] | undefined> {
    const readings = await this.#fromEndpoints({ metric, selector }, signal);
    return readings.length > 0 ? readings : undefined;
  }

  /** Throws the first failure if one failed and no other knew: it might have been the one that knows. */
  async #fromEndpoints(choice: Parameters<typeof readingOf>[1], signal: AbortSignal): Promise<readonly MetricReading[]> {
    const outcomes = await Promise.allSettled(this.options.endpoints.map(async ({ url, headers }) => readingOf(await this.#pages.read(url, headers, signal), choice)));
    const readings = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' && outcome.value !== undefined ? [outcome.value] : []));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (readings.length === 0 && failed !== undefined) throw failed.reason;
    return readings;
  }
}

/** Where a pod's metrics are; undefined when it has no address, does not want to be asked, or says nothing of it. Pure. */
export function podPage({ metadata, status }: Pod, standard: PrometheusOptions['pods']): URL | undefined {
  const { annotations = {} } = metadata;
  const address = status?.podIP ?? '';
  if (address === '' || status?.phase !== 'Running' || annotations[SCRAPE] === 'false') return undefined;
  const port = annotations[PORT] === undefined ? standard.port : Number(annotations[PORT]);
  if (port === undefined || !Number.isInteger(port) || port < 1 || port > 65_535) return undefined;
  const url = new URL(`http://${address.includes(':') ? `[${address}]` : address}:${port}/`);
  // Set, not parsed: what a pod says can change the path and nothing else.
  const [path = '', query = ''] = (annotations[PATH] ?? standard.path).split('?', 2);
  url.pathname = path;
  url.search = query;
  return url;
}
