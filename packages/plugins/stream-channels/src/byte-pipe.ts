/** What a piece takes beside its bytes, about: many small ones must not seem to be nothing. */
const PIECE_BYTES = 128;

const costOf = (chunk: Buffer): number => chunk.length + PIECE_BYTES;

/** Bytes on their way from one who is told of them to one who asks for them; who gives may look at `length` to wait. */
export class BytePipe implements AsyncIterable<Buffer> {
  readonly #chunks: Buffer[] = [];
  #length = 0;
  #isEnded = false;
  #wake = (): void => {};

  /** @param taken called when something was taken, with what it cost */
  constructor(private readonly taken: (cost: number) => void = () => {}) {}

  /** Bytes that wait, with what holding them takes. */
  get length(): number {
    return this.#length;
  }

  /** After the end nothing is taken any more. */
  push(chunk: Buffer): void {
    if (this.#isEnded) return;
    this.#chunks.push(chunk);
    this.#length += costOf(chunk);
    this.#wake();
  }

  /** Nothing more comes. */
  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  /** Nothing more comes, and what waits is not wanted. */
  discard(): void {
    const cost = this.#length;
    this.#chunks.length = 0;
    this.#length = 0;
    this.end();
    if (cost > 0) this.taken(cost);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#length -= costOf(chunk);
        this.taken(costOf(chunk));
        yield chunk;
      } else if (this.#isEnded) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
