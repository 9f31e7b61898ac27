import { exponentialBuckets, type Instruments } from '../contracts/instruments.js';
import type { Clock } from '../kernel/clock.js';
import type { QueueObserver, WorkQueue } from '../kernel/work-queue.js';

const BUCKETS = exponentialBuckets(1e-8, 10, 12);
const ABOUT = { labels: ['name'] } as const;

/** What happens in a work queue, under client-go's names. Costs nothing where nobody collects. */
export class QueueInstruments<K> implements QueueObserver<K> {
  /** When each key that waits was added, and each that is worked on was taken. */
  readonly #since = { added: new Map<K, number>(), taken: new Map<K, number>() };
  readonly #labels: { readonly name: string };
  readonly #adds;
  readonly #retries;
  readonly #waited;
  readonly #worked;

  /** Undefined where nobody collects. */
  static of<K>(name: string, instruments: Instruments, clock: Clock): QueueInstruments<K> | undefined {
    return instruments.enabled ? new QueueInstruments<K>(name, instruments, clock) : undefined;
  }

  private constructor(
    name: string,
    private readonly instruments: Instruments,
    private readonly clock: Clock,
  ) {
    this.#labels = { name };
    this.#adds = instruments.counter({ ...ABOUT, name: 'workqueue_adds_total', help: 'Keys that were added to a work queue.' });
    this.#retries = instruments.counter({ ...ABOUT, name: 'workqueue_retries_total', help: 'Keys that failed and were added again.' });
    this.#waited = instruments.histogram({ ...ABOUT, name: 'workqueue_queue_duration_seconds', help: 'How long keys waited.', buckets: BUCKETS });
    this.#worked = instruments.histogram({ ...ABOUT, name: 'workqueue_work_duration_seconds', help: 'How long work on a key took.', buckets: BUCKETS });
  }

  added(key: K): void {
    this.#adds.add(this.#labels);
    this.#since.added.set(key, this.clock.monotonic());
  }

  retried(): void {
    this.#retries.add(this.#labels);
  }

  taken(key: K): void {
    const now = this.clock.monotonic();
    this.#waited.observe(this.#labels, (now - (this.#since.added.get(key) ?? now)) / 1000);
    this.#since.added.delete(key);
    this.#since.taken.set(key, now);
  }

  done(key: K): void {
    const now = this.clock.monotonic();
    this.#worked.observe(this.#labels, (now - (this.#since.taken.get(key) ?? now)) / 1000);
    this.#since.taken.delete(key);
  }

  /** Shows the queue until the returned function is called. What is under way is looked through: that is as much as there are workers. */
  show(queue: Pick<WorkQueue<K>, 'length'>): () => void {
    const gauge = (name: string, help: string, read: () => number): (() => void) => this.instruments.gauge({ ...ABOUT, name, help }, () => [[this.#labels, read()]]);
    const underWay = (): number[] => [...this.#since.taken.values()].map((since) => (this.clock.monotonic() - since) / 1000);
    const removals = [
      gauge('workqueue_depth', 'Keys that wait.', () => queue.length),
      gauge('workqueue_unfinished_work_seconds', 'How long work that is under way has taken so far, of all workers together.', () => underWay().reduce((sum, seconds) => sum + seconds, 0)),
      gauge('workqueue_longest_running_processor_seconds', 'How long the work that is longest under way has taken so far.', () => Math.max(0, ...underWay())),
    ];
    return () => removals.forEach((remove) => remove());
  }
}
