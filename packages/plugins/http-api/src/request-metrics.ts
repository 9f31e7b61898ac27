import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What a request is about, in words of which there are only so many: names of kinds that are served, never what a client wrote. */
export interface RequestLabels {
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  /** One object, those of a namespace, or of the cluster. */
  readonly scope: 'resource' | 'namespace' | 'cluster' | '';
}

/** About anything else than objects. */
export const NO_OBJECT: RequestLabels = { verb: '', group: '', version: '', resource: '', subresource: '', scope: '' };

const LABELS = ['verb', 'group', 'version', 'resource', 'subresource', 'scope'] as const;
/** Verbs of the API by those of metrics, which are older. */
const VERBS: Readonly<Record<string, string>> = { create: 'POST', update: 'PUT' };
const CHANGES: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'DELETE', 'DELETECOLLECTION']);
/** They last as long as somebody looks. */
const LONG_RUNNING: ReadonlySet<string> = new Set(['WATCH', 'CONNECT']);
const SECONDS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];

/** The verb as metrics call it. */
export const metricVerb = (verb: string): string => VERBS[verb] ?? verb.toUpperCase();

/** What is counted about requests, under the names that kube-apiserver has for it, and about the process. */
export class RequestMetrics {
  readonly #total: Counter;
  readonly #duration: Histogram;
  readonly #inflight: Gauge;
  readonly #longRunning: Gauge;
  readonly #watched: Counter;

  /**
   * @param registry what is on the page; others count there too
   */
  constructor(
    startedAtMs: number,
    readonly registry = new Registry(),
  ) {
    const registers = [registry];
    this.#total = new Counter({ name: 'apiserver_request_total', help: 'Requests by what they were about and how they were answered.', labelNames: [...LABELS, 'component', 'code'], registers });
    this.#duration = new Histogram({ name: 'apiserver_request_duration_seconds', help: 'How long requests took that end by themselves.', labelNames: [...LABELS, 'component'], buckets: SECONDS, registers });
    this.#inflight = new Gauge({ name: 'apiserver_current_inflight_requests', help: 'Requests that are being answered.', labelNames: ['request_kind'], registers });
    this.#longRunning = new Gauge({ name: 'apiserver_longrunning_requests', help: 'Watches and streams that are open.', labelNames: [...LABELS, 'component'], registers });
    this.#watched = new Counter({ name: 'apiserver_watch_events_total', help: 'Events that were written to watchers.', labelNames: ['group', 'version', 'resource'], registers });
    const of = (name: string, help: string, read: () => number): void => void new Gauge({ name, help, registers, collect() { this.set(read()); } });
    of('process_start_time_seconds', 'When the server was started, since the epoch.', () => startedAtMs / 1000);
    of('process_resident_memory_bytes', 'Memory of the process.', () => process.memoryUsage.rss());
    const cpu = new Counter({
      name: 'process_cpu_seconds_total',
      help: 'Time of processors that the process took.',
      registers,
      collect() {
        cpu.reset();
        cpu.inc((process.cpuUsage().user + process.cpuUsage().system) / 1e6);
      },
    });
  }

  /** A request has begun; to be called when it has been answered, with its code and how long it took. */
  begin(labels: RequestLabels): (code: number, seconds: number) => void {
    const all = { ...labels, component: 'apiserver' };
    const isLong = LONG_RUNNING.has(labels.verb);
    const kind = CHANGES.has(labels.verb) ? 'mutating' : 'readOnly';
    if (isLong) this.#longRunning.inc(all);
    else this.#inflight.inc({ request_kind: kind });
    return (code, seconds) => {
      this.#total.inc({ ...all, code: String(code) });
      if (isLong) this.#longRunning.dec(all);
      else {
        this.#inflight.dec({ request_kind: kind });
        this.#duration.observe(all, seconds);
      }
    };
  }

  /** So many events were written to a watcher. */
  watched({ group, version, resource }: Pick<RequestLabels, 'group' | 'version' | 'resource'>, events: number): void {
    this.#watched.labels(group, version, resource).inc(events);
  }

  /** All of it in Prometheus' text format. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  /** The media type of that text. */
  get contentType(): string {
    return this.registry.contentType;
  }
}
