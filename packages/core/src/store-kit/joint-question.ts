/**
 * One question for all who ask at the same time: each gets the answer to a question that began after it asked, and at most one is under way. So an answer is never older than the asking,
 * however many ask.
 */
export class JointQuestion<T> {
  /** The question that has not begun yet; who asks now joins it. */
  #next: Promise<T> | undefined;
  /** Resolves when the question that is under way has ended, however. */
  #underWay: Promise<unknown> = Promise.resolve();

  constructor(private readonly ask: () => Promise<T>) {}

  /** The answer, or what the question failed with. */
  answer(): Promise<T> {
    return (this.#next ??= this.#begin());
  }

  async #begin(): Promise<T> {
    await this.#underWay;
    this.#next = undefined;
    const asked = this.ask();
    this.#underWay = asked.catch((error: unknown) => error);
    return asked;
  }
}
