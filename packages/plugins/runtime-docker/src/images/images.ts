import { createHash } from 'node:crypto';
import { type ImageFilesystem, type ImageStatus, OrreryError, type RegistryAuth } from '@orrery/core';
import type Docker from 'dockerode';
import type { Engine } from '../engine/engine.js';
import { Limiter } from '../lifecycle/limiter.js';
import { Together } from '../lifecycle/together.js';
import { dataRoot, inspectImage, layersBytes } from './ask.js';
import { pullImage } from './pull.js';
import { SandboxImage, type SandboxImageOption } from './sandbox-image.js';
import { engineImageName, imageName, imageStatusOf } from './status.js';

/** How images are handled. */
export interface DockerImagesOptions {
  /** So many pulls at once; more wait their turn. Default 4. */
  readonly parallelPulls?: number;
  /** A pull that makes no progress for so long is given up, milliseconds. Default 60,000. */
  readonly pullIdleMs?: number;
  /** Default: made here, without a registry. */
  readonly sandboxImage?: SandboxImageOption;
}

/** Images are asked about so many at once. */
const INSPECTIONS = 8;

/** The images of one engine. */
export class DockerImages {
  readonly #engine: Engine;
  readonly #pulls: Limiter;
  readonly #together = new Together();
  readonly #pullIdleMs: number;
  readonly #sandbox: SandboxImage;
  /** An image never changes its user: what was asked once stays true. By id. */
  readonly #users = new Map<string, ImageStatus['user']>();

  constructor(engine: Engine, { parallelPulls = 4, pullIdleMs = 60_000, sandboxImage = 'built-in' }: DockerImagesOptions = {}) {
    this.#engine = engine;
    this.#pulls = new Limiter(parallelPulls);
    this.#pullIdleMs = pullIdleMs;
    this.#sandbox = new SandboxImage(engine, sandboxImage, (reference, signal) => this.pull(reference, signal));
  }

  /**
   * Fetches the image from its registry. Those who ask for the same with the same credentials share one pull, which goes on when one of them leaves.
   * Throws `INVALID` for a malformed name, `IMAGE_UNAVAILABLE` with the registry's words (never with credentials), and what {@link Engine.call} throws
   * when the engine itself cannot be reached.
   */
  async pull(text: string, signal: AbortSignal, auth?: RegistryAuth): Promise<ImageStatus> {
    const name = imageName(text);
    if ('id' in name) throw new OrreryError('INVALID', 'An image cannot be pulled by its id.', { image: text });
    const { reference } = name;
    // Who may not have an image must not get it because somebody else may.
    const who = createHash('sha256').update(JSON.stringify([auth?.username, auth?.password, auth?.identityToken, auth?.registryToken])).digest('hex');
    await this.#together.run(`${engineImageName(name)} ${who}`, signal, (life) =>
      this.#pulls.run(life, () => pullImage(this.#engine, reference, auth, this.#pullIdleMs, life)),
    );
    const status = await this.status(text, signal);
    if (status === undefined) throw new OrreryError('IMAGE_UNAVAILABLE', `Image ${reference.canonical} was pulled, and is gone again.`, { image: text });
    return status;
  }

  /** The image, if it is present, by name or id. Throws `INVALID`. */
  async status(text: string, signal: AbortSignal): Promise<ImageStatus | undefined> {
    const info = await inspectImage(this.#engine, engineImageName(imageName(text)), signal);
    return info === undefined ? undefined : imageStatusOf(info, this.#sandbox.isOne(info), text);
  }

  /** The user of an image that is present, as its config says it: `1000`, `app:app`; '' for root. Undefined when it is not present. Throws `INVALID`. */
  async user(text: string, signal: AbortSignal): Promise<string | undefined> {
    const info = await inspectImage(this.#engine, engineImageName(imageName(text)), signal);
    return info === undefined ? undefined : (info.Config?.User ?? '');
  }

  /** All images that have a name, or that nothing was built from. */
  async list(signal: AbortSignal): Promise<readonly ImageStatus[]> {
    const found = await this.#engine.call('list images', signal, (docker, abortSignal) => docker.listImages({ abortSignal }), { idempotent: true });
    const ids = new Set(found.map(({ Id }) => Id));
    for (const id of this.#users.keys()) if (!ids.has(id)) this.#users.delete(id);
    const asking = new Limiter(INSPECTIONS);
    const statuses = await Promise.all(found.map((info) => asking.run(signal, async () => this.#listed(info, signal))));
    return statuses.filter((status) => status !== undefined);
  }

  /** Removes an image and all its names. Throws `CONFLICT` when a container, running or not, was made from it; one that is unknown is no error. */
  async remove(id: string, signal: AbortSignal): Promise<void> {
    const info = await inspectImage(this.#engine, engineImageName(imageName(id)), signal);
    if (info === undefined) return;
    // Names can be taken from an image in use: asked before, so that it keeps them.
    const containers = await this.#engine.call('list containers of an image', signal, (docker, abortSignal) => docker.listContainers({ all: true, filters: { ancestor: [info.Id] }, abortSignal }), { idempotent: true });
    const user = containers.find(({ ImageID }) => ImageID === info.Id);
    if (user !== undefined) throw new OrreryError('CONFLICT', `Image ${id} is in use by container ${user.Names[0] ?? user.Id}.`, { image: id });
    const { tags, digests } = imageStatusOf(info, false);
    // With the last name the image itself goes, and with a tag the digests of its repository.
    for (const name of [...tags, ...digests, info.Id]) {
      await this.#engine
        .call(`remove image ${name}`, signal, (docker, abortSignal) => docker.getImage(name).remove({ abortSignal }))
        .catch((error: unknown) => {
          if (!OrreryError.is(error, 'NOT_FOUND')) throw error;
        });
    }
  }

  /** Where images and writable layers lie, and how much all layers of images take together. */
  async filesystem(signal: AbortSignal): Promise<ImageFilesystem> {
    const [path, usedBytes] = await Promise.all([dataRoot(this.#engine, signal), layersBytes(this.#engine, signal)]);
    return { path, usedBytes };
  }

  /** Id of the image that sandboxes are made from; made or pulled when it is not there. */
  ensureSandboxImage(signal: AbortSignal): Promise<string> {
    return this.#together.run('sandbox', signal, (life) => this.#sandbox.ensure(life));
  }

  /** The sandbox image turned out to be gone: look again the next time. */
  forgetSandboxImage(): void {
    this.#sandbox.forget();
  }

  /** Ends pulls that are under way. */
  close(): Promise<void> {
    return this.#together.close();
  }

  async #listed(info: Docker.ImageInfo, signal: AbortSignal): Promise<ImageStatus | undefined> {
    const pinned = this.#sandbox.isOne(info);
    if (!this.#users.has(info.Id)) {
      const inspected = await inspectImage(this.#engine, info.Id, signal);
      // Removed meanwhile.
      if (inspected === undefined) return undefined;
      this.#users.set(info.Id, imageStatusOf(inspected, pinned).user);
    }
    const user = this.#users.get(info.Id);
    return { ...imageStatusOf(info, pinned), ...(user !== undefined && { user }) };
  }
}
