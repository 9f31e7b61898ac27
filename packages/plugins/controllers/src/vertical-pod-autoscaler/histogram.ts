/** How values are sorted into buckets, each wider than the one before by a ratio, and how fast old ones lose weight. */
export interface HistogramShape {
  /** Width of the first bucket, in the unit of the values. */
  readonly first: number;
  readonly ratio: number;
  /** Values above count as this. */
  readonly max: number;
  /** After so many milliseconds a value weighs half. */
  readonly halfLifeMs: number;
}

/** A histogram as it is kept: whole weights, bounded so that they fit an integer. */
export interface HistogramCheckpoint {
  readonly referenceTimestamp: number;
  readonly totalWeight: number;
  readonly bucketWeights: Readonly<Record<string, number>>;
}

const LARGEST = 10_000;
/** Weights grow with time instead of the old ones shrinking, until they would be too large; then all are scaled down. */
const MOST_HALVINGS = 100;
/** Buckets that weigh less count as empty. */
const EPSILON = 1e-6;

/**
 * A histogram in which a value loses half its weight with each half-life (the decaying histogram of Kubernetes' vertical autoscaler).
 * Takes as much memory as its shape has buckets, however many values it has seen.
 */
export class DecayingHistogram {
  readonly #weights: Float64Array;
  #total = 0;
  #reference = 0;

  constructor(private readonly shape: HistogramShape) {
    this.#weights = new Float64Array(this.#bucketOf(shape.max) + 1);
  }

  /** Nothing weighs anything. */
  get isEmpty(): boolean {
    return this.#total <= EPSILON;
  }

  /** Adds a value seen at `at` (milliseconds since the epoch); a negative weight takes it back. */
  add(value: number, weight: number, at: number): void {
    const scaled = weight * this.#growth(at);
    const bucket = this.#bucketOf(value);
    const next = Math.max(0, (this.#weights[bucket] ?? 0) + scaled);
    this.#total = Math.max(0, this.#total + next - (this.#weights[bucket] ?? 0));
    this.#weights[bucket] = next;
  }

  /** The value below which a share `p` of the weight is, rounded up to the end of its bucket; 0 when empty. */
  percentile(p: number): number {
    if (this.isEmpty) return 0;
    const threshold = p * this.#total;
    let [sum, highest] = [0, 0];
    for (let bucket = 0; bucket < this.#weights.length; bucket += 1) {
      const weight = this.#weights[bucket] ?? 0;
      if (weight <= EPSILON) continue;
      // Rounding may keep the sum just below the threshold to the end: then it is the last one that weighs anything.
      highest = bucket;
      sum += weight;
      if (sum >= threshold) break;
    }
    return highest === this.#weights.length - 1 ? this.#startOf(highest) : this.#startOf(highest + 1);
  }

  /** What to keep of it. Light buckets are lost. */
  save(): HistogramCheckpoint {
    const heaviest = this.#weights.reduce((most, weight) => Math.max(most, weight), 0);
    const entries = [...this.#weights].flatMap((weight, bucket): [string, number][] => {
      const whole = heaviest === 0 ? 0 : Math.round((weight / heaviest) * LARGEST);
      return whole > 0 ? [[String(bucket), whole]] : [];
    });
    return { referenceTimestamp: this.#reference, totalWeight: this.#total, bucketWeights: Object.fromEntries(entries) };
  }

  /** Becomes what was kept. Buckets that this shape does not have are left out. */
  load({ referenceTimestamp, totalWeight, bucketWeights }: HistogramCheckpoint): void {
    const entries = Object.entries(bucketWeights).filter(([bucket]) => Number(bucket) < this.#weights.length);
    const sum = entries.reduce((all, [, weight]) => all + weight, 0);
    this.#weights.fill(0);
    this.#reference = referenceTimestamp;
    this.#total = sum === 0 ? 0 : totalWeight;
    for (const [bucket, weight] of entries) this.#weights[Number(bucket)] = (weight / sum) * totalWeight;
  }

  #growth(at: number): number {
    const { halfLifeMs } = this.shape;
    if (this.#reference === 0) this.#reference = at;
    const halvings = (at - this.#reference) / halfLifeMs;
    if (halvings <= MOST_HALVINGS) return 2 ** halvings;
    const factor = 2 ** -halvings;
    this.#weights.forEach((weight, bucket) => (this.#weights[bucket] = weight * factor));
    this.#total *= factor;
    this.#reference = at;
    return 1;
  }

  #bucketOf(value: number): number {
    const { first, ratio, max } = this.shape;
    const bounded = Math.min(Math.max(0, value), max);
    return bounded < first ? 0 : Math.floor(Math.log((bounded * (ratio - 1)) / first + 1) / Math.log(ratio));
  }

  #startOf(bucket: number): number {
    const { first, ratio } = this.shape;
    return (first * (ratio ** bucket - 1)) / (ratio - 1);
  }
}
