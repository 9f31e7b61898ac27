import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Classified } from './flow-schema.js';
import type { LevelState } from './fair-queue.js';

/** Why a request was refused, as kube-apiserver calls it. */
export type RejectReason = 'queue-full' | 'concurrency-limit' | 'time-out' | 'cancelled';

const LABELS = ['priority_level', 'flow_schema'] as const;
const SECONDS = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30];

/** What is counted about fairness, under the names that kube-apiserver has for it. */
export class FlowMetrics {
  readonly #dispatched: Counter;
  readonly #rejected: Counter;
  readonly #waited: Histogram;
  readonly #executed: Histogram;

  constructor(registry: Registry, states: () => readonly LevelState[]) {
    const registers = [registry];
    this.#dispatched = new Counter({ name: 'apiserver_flowcontrol_dispatched_requests_total', help: 'Requests that got their seats.', labelNames: [...LABELS], registers });
    this.#rejected = new Counter({ name: 'apiserver_flowcontrol_rejected_requests_total', help: 'Requests that got none.', labelNames: [...LABELS, 'reason'], registers });
    this.#waited = new Histogram({ name: 'apiserver_flowcontrol_request_wait_duration_seconds', help: 'How long requests waited for seats.', labelNames: [...LABELS, 'execute'], buckets: SECONDS, registers });
    this.#executed = new Histogram({ name: 'apiserver_flowcontrol_request_execution_seconds', help: 'How long requests had their seats.', labelNames: [...LABELS], buckets: SECONDS, registers });
    const gauge = (name: string, help: string, read: (state: LevelState) => number): void =>
      void new Gauge({
        name: `apiserver_flowcontrol_${name}`,
        help,
        labelNames: ['priority_level'],
        registers,
        collect() {
          for (const state of states()) this.set({ priority_level: state.name }, read(state));
        },
      });
    gauge('nominal_limit_seats', 'Seats of a level where nobody lends or borrows.', ({ nominalSeats }) => nominalSeats);
    gauge('upper_limit_seats', 'Seats of a level with all that others lend.', ({ maxSeats }) => maxSeats);
    gauge('current_executing_seats', 'Seats that are taken.', ({ seats }) => seats);
    gauge('current_executing_requests', 'Requests that have seats.', ({ executing }) => executing);
    gauge('current_inqueue_requests', 'Requests that wait for seats.', ({ waiting }) => waiting);
  }

  /** A request got its seats, after so many seconds of waiting. */
  dispatched({ level, schema }: Classified, seconds: number): void {
    this.#dispatched.labels(level, schema).inc();
    this.#waited.labels(level, schema, 'true').observe(seconds);
  }

  /** A request was refused, or its client left, after so many seconds. */
  rejected({ level, schema }: Classified, reason: RejectReason, seconds: number): void {
    this.#rejected.labels(level, schema, reason).inc();
    this.#waited.labels(level, schema, 'false').observe(seconds);
  }

  /** A request gave its seats back, after so many seconds. */
  executed({ level, schema }: Classified, seconds: number): void {
    this.#executed.labels(level, schema).observe(seconds);
  }
}
