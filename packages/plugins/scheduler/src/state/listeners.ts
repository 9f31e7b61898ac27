/** Those who want to be told of something, each as often as it asked. */
export class Listeners {
  readonly #entries = new Set<{ readonly listener: () => void }>();

  /** Tells the listener from now on; answers its removal. */
  add(listener: () => void): () => void {
    const entry = { listener };
    this.#entries.add(entry);
    return () => void this.#entries.delete(entry);
  }

  /** Tells all. */
  tell(): void {
    for (const { listener } of this.#entries) listener();
  }
}
