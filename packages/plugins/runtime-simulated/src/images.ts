import { type CancelTimer, type Clock, type ImageStatus, OrreryError, parseImageReference, type RegistryAuth } from '@orrery/core';

/** What a simulated registry answers: an image, or why not. */
export type SimulatedImage =
  | {
      readonly sizeBytes: number;
      /** The user its containers run as. Default: root. */
      readonly user?: { readonly uid: number } | { readonly name: string };
      /** Milliseconds until it has been pulled. Default 0; `Infinity`: never. */
      readonly pullMs?: number;
    }
  /** The pull fails with these words, after so many milliseconds. */
  | { readonly refuse: string; readonly pullMs?: number };

/** A simulated registry: what it answers who asks for an image, by its completed name. Called once for each pull. */
export type ImageOf = (reference: string, auth: RegistryAuth | undefined) => SimulatedImage;

/** How a machine has images. */
export interface SimulatedImagesOptions {
  readonly registry: ImageOf;
  /** Images that are there from the start, by name; sizes in bytes. */
  readonly present?: Readonly<Record<string, Omit<Extract<SimulatedImage, { readonly sizeBytes: number }>, 'pullMs'> & { readonly pinned?: boolean }>>;
}

type Kept = Pick<ImageStatus, 'id' | 'sizeBytes' | 'user' | 'pinned'> & { readonly tags: Set<string> };

/** The images of one simulated machine. Two names that are pulled are two images. */
export class SimulatedImages {
  readonly #byId = new Map<string, Kept>();
  readonly #timers = new Set<CancelTimer>();
  #ids = 0;

  constructor(
    readonly options: SimulatedImagesOptions,
    readonly clock: Clock,
  ) {
    for (const [name, { pinned = false, ...image }] of Object.entries(options.present ?? {})) this.#keep(canonical(name), image, pinned);
  }

  /** Asks the registry. Throws `INVALID`, `IMAGE_UNAVAILABLE`; a pull goes on when the caller stops waiting. */
  async pull(text: string, auth: RegistryAuth | undefined): Promise<ImageStatus> {
    const name = canonical(text);
    const answer = this.options.registry(name, auth);
    const { pullMs = 0 } = answer;
    if (pullMs > 0) await this.#passes(pullMs);
    if ('refuse' in answer) throw new OrreryError('IMAGE_UNAVAILABLE', `Image ${name} cannot be pulled: ${answer.refuse}`, { image: name });
    return statusOf(this.#find(name) ?? this.#keep(name, answer, false), text);
  }

  /** By name or id. Throws `INVALID`. */
  status(text: string): ImageStatus | undefined {
    const kept = this.#byId.get(text) ?? this.#find(canonical(text));
    return kept === undefined ? undefined : statusOf(kept, text);
  }

  list(): ImageStatus[] {
    return [...this.#byId.values()].map((kept) => statusOf(kept, [...kept.tags][0] ?? kept.id));
  }

  remove(text: string): void {
    const id = this.status(text)?.id;
    if (id !== undefined) this.#byId.delete(id);
  }

  get usedBytes(): number {
    return this.list().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  /** Pulls that are under way never end. */
  close(): void {
    for (const cancel of this.#timers) cancel();
  }

  #passes(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      if (delayMs === Infinity) return;
      const cancel = this.clock.timer(delayMs, () => {
        this.#timers.delete(cancel);
        resolve();
      });
      this.#timers.add(cancel);
    });
  }

  #find(name: string): Kept | undefined {
    return [...this.#byId.values()].find(({ tags }) => tags.has(name));
  }

  #keep(name: string, { sizeBytes, user }: Pick<ImageStatus, 'sizeBytes' | 'user'>, pinned: boolean): Kept {
    const kept: Kept = { id: `sha256:${(++this.#ids).toString(16).padStart(64, '0')}`, sizeBytes, ...(user !== undefined && { user }), pinned, tags: new Set([name]) };
    this.#byId.set(kept.id, kept);
    return kept;
  }
}

function canonical(text: string): string {
  const reference = parseImageReference(text);
  if (reference === undefined) throw new OrreryError('INVALID', `${JSON.stringify(text.slice(0, 256))} is not the name of an image.`);
  return reference.canonical;
}

function statusOf({ tags, ...image }: Kept, reference: string): ImageStatus {
  const names = [...tags];
  return { ...image, reference, tags: names.filter((name) => !name.includes('@')), digests: names.filter((name) => name.includes('@')) };
}
