import { type Clock, type ContainerImage, errorMessage, type ImageStatus, type Logger, type Runtime } from '@orrery/core';

/** The kubelet's nodeStatusMaxImages and MaxNamesPerImageInNodeStatus. */
const MOST_IMAGES = 50;
const MOST_NAMES = 5;
/** The engine is asked so often at most (the kubelet's imageCachePeriod). */
const CACHE_MS = 30_000;

/** The images that a node tells of, so that pods are placed where theirs is: the largest, each with its first names (kubelet nodestatus.Images). Pure. */
export function imagesOfNode(images: readonly ImageStatus[]): ContainerImage[] {
  const listed = [...images].sort((a, b) => b.sizeBytes - a.sizeBytes || (a.id < b.id ? -1 : 1)).slice(0, MOST_IMAGES);
  return listed.map(({ digests, tags, sizeBytes }) => ({ names: [...digests, ...tags].slice(0, MOST_NAMES), sizeBytes }));
}

/** What the runtime of a node has of images, asked for now and then. */
export class NodeImages {
  #at = Number.NEGATIVE_INFINITY;
  #images: ContainerImage[] | undefined;

  constructor(private readonly options: { readonly runtime: Pick<Runtime, 'capabilities' | 'listImages'>; readonly clock: Clock; readonly log: Logger }) {}

  /** Undefined while it is not known; what was known stays when the runtime does not answer. */
  async list(signal: AbortSignal): Promise<readonly ContainerImage[] | undefined> {
    const { runtime, clock, log } = this.options;
    if (!runtime.capabilities.images || clock.monotonic() - this.#at < CACHE_MS) return this.#images;
    try {
      this.#images = imagesOfNode(await runtime.listImages(signal));
      this.#at = clock.monotonic();
    } catch (error) {
      if (signal.aborted) throw error;
      log.debug('the images of the node could not be listed', { error: errorMessage(error) });
    }
    return this.#images;
  }
}
