import { createHash } from 'node:crypto';
import {
  type Clock, type EventRecorder, errorMessage, type ImageReference, type ImageStatus, OrreryError, parseImageReference, type Pod, type RegistryAuth, type Runtime, type Secret,
} from '@orrery/core';
import { goDuration } from './go-duration.js';
import { type Keyring, keyringOf, lookUp } from './keyring.js';
import { PullBackOff } from './pull-back-off.js';
import { Turns } from './turns.js';

/** What an image manager is made from. */
export interface ImageManagerOptions {
  readonly runtime: Pick<Runtime, 'capabilities' | 'pullImage' | 'imageStatus'>;
  readonly events: EventRecorder;
  readonly clock: Clock;
  secret(namespace: string, name: string): Promise<Secret | undefined>;
  readonly maxParallelImagePulls: number;
}

/** Why a container waits for its image, in Kubernetes' words. */
export type ImageReason = 'ErrImagePull' | 'ImagePullBackOff' | 'ErrImageNeverPull' | 'InvalidImageName' | 'ImageInspectError';

/** The image of a container is not there. `retryAt`: when to ask again, milliseconds since the epoch. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
  constructor(
    readonly reason: ImageReason,
    message: string,
    readonly retryAt: number,
  ) {
    super(message);
  }
}

/** So soon after a pull failed the container shows that it waits (the kubelet's next look at the pod). */
const SHOW_BACK_OFF_MS = 1_000;
/** The kubelet's backOffPeriod: a pod that failed is looked at again. */
const LOOK_AGAIN_MS = 10_000;

/** Sees to it that containers have their images (kubelet/images image_manager.go). One for all pods of a node. */
export class ImageManager {
  readonly #backOff = new PullBackOff();
  readonly #turns: Turns;

  constructor(private readonly options: ImageManagerOptions) {
    this.#turns = new Turns(options.maxParallelImagePulls);
  }

  /**
   * Resolves with the image when it is present as the pull policy wants it; undefined where images are only names. Records what it does as events of the pod.
   * Throws {@link ImageError}, and what the runtime throws when it cannot be reached or `signal` aborts.
   */
  async ensure(pod: Pod, requested: string, policy: string | undefined, signal: AbortSignal): Promise<ImageStatus | undefined> {
    const { runtime, events, clock } = this.options;
    if (!runtime.capabilities.images) return undefined;
    const reference = parseImageReference(requested);
    const isId = /^(?:sha256:)?[0-9a-f]{64}$/.test(requested);
    if (reference === undefined && !isId) {
      const message = `Failed to apply default image tag ${JSON.stringify(requested)}: couldn't parse image name: invalid reference format`;
      events.event(pod, 'Warning', 'InspectFailed', message);
      throw new ImageError('InvalidImageName', message, clock.now() + LOOK_AGAIN_MS);
    }
    const always = (policy ?? defaultPolicy(reference)) === 'Always' && !isId;
    const present = always ? undefined : await this.#inspect(pod, requested, signal);
    if (present !== undefined) {
      events.event(pod, 'Normal', 'Pulled', `Container image ${JSON.stringify(requested)} already present on machine`);
      return present;
    }
    if (policy === 'Never') {
      const message = `Container image ${JSON.stringify(requested)} is not present with pull policy of Never`;
      events.event(pod, 'Warning', 'ErrImageNeverPull', message);
      throw new ImageError('ErrImageNeverPull', message, clock.now() + LOOK_AGAIN_MS);
    }
    // An image that is named by its id can only be present: nobody knows where it would come from.
    if (reference === undefined) throw new ImageError('ErrImagePull', `An image that is not present cannot be pulled by its id ${JSON.stringify(requested)}`, clock.now() + LOOK_AGAIN_MS);
    return this.#pull(pod, requested, reference, signal);
  }

  async #inspect(pod: Pod, requested: string, signal: AbortSignal): Promise<ImageStatus | undefined> {
    const { runtime, events, clock } = this.options;
    try {
      return await runtime.imageStatus(requested, signal);
    } catch (error) {
      if (unreachable(error, signal)) throw error;
      const message = `Failed to inspect image ${JSON.stringify(requested)}: ${words(error)}`;
      events.event(pod, 'Warning', 'InspectFailed', message);
      throw new ImageError('ImageInspectError', message, clock.now() + LOOK_AGAIN_MS);
    }
  }

  async #pull(pod: Pod, requested: string, reference: ImageReference, signal: AbortSignal): Promise<ImageStatus> {
    const { events, clock } = this.options;
    const candidates = lookUp(await this.#keyring(pod), reference.name);
    // Other credentials may get what these did not: they do not wait for their failure.
    const who = createHash('sha256').update(JSON.stringify(candidates)).digest('hex');
    const key = `${pod.metadata.uid} ${reference.canonical} ${who}`;
    const waiting = this.#backOff.waiting(key, clock.now());
    if (waiting !== undefined) {
      const message = `Back-off pulling image ${JSON.stringify(requested)}`;
      events.event(pod, 'Normal', 'BackOff', message);
      throw new ImageError('ImagePullBackOff', `${message}: ErrImagePull: ${waiting.said}`, waiting.until);
    }
    events.event(pod, 'Normal', 'Pulling', `Pulling image ${JSON.stringify(requested)}`);
    const [asked, askedAt] = [clock.monotonic(), clock.now()];
    try {
      const { image, pullMs } = await this.#turns.run(signal, () => this.#pullAs(reference.canonical, candidates, signal));
      const took = `${goDuration(pullMs)} (${goDuration(clock.monotonic() - asked)} including waiting)`;
      events.event(pod, 'Normal', 'Pulled', `Successfully pulled image ${JSON.stringify(requested)} in ${took}. Image size: ${image.sizeBytes} bytes.`);
      this.#backOff.sweep(clock.now());
      return image;
    } catch (error) {
      if (unreachable(error, signal)) throw error;
      const message = words(error);
      events.event(pod, 'Warning', 'Failed', `Failed to pull image ${JSON.stringify(requested)}: ${message}`);
      this.#backOff.failed(key, askedAt, clock.now(), message);
      throw new ImageError('ErrImagePull', message, clock.now() + SHOW_BACK_OFF_MS);
    }
  }

  /** Each of the credentials in turn until one may; as nobody when there are none (kuberuntime PullImage). */
  async #pullAs(name: string, candidates: readonly RegistryAuth[], signal: AbortSignal): Promise<{ image: ImageStatus; pullMs: number }> {
    const { runtime, clock } = this.options;
    const began = clock.monotonic();
    const failures: unknown[] = [];
    for (const auth of candidates.length === 0 ? [undefined] : candidates) {
      try {
        return { image: await runtime.pullImage(name, signal, auth), pullMs: clock.monotonic() - began };
      } catch (error) {
        if (unreachable(error, signal)) throw error;
        failures.push(error);
      }
    }
    const messages = [...new Set(failures.map(words))];
    throw new Error(messages.length === 1 ? messages[0] : `[${messages.join(', ')}]`);
  }

  /** What the pod's pull secrets hold. Those that are missing or cannot be read are told, and done without. */
  async #keyring(pod: Pod): Promise<Keyring> {
    const namespace = pod.metadata.namespace ?? 'default';
    const names = (pod.spec.imagePullSecrets ?? []).flatMap(({ name }) => (name === undefined || name === '' ? [] : [name]));
    const found = await Promise.all(names.map(async (name) => ({ name, secret: await this.options.secret(namespace, name) })));
    const { keyring, problems } = keyringOf(found.flatMap(({ secret }) => secret ?? []));
    const missing = [...found.filter(({ secret }) => secret === undefined).map(({ name }) => name), ...problems];
    if (missing.length > 0) {
      this.options.events.event(pod, 'Warning', 'FailedToRetrieveImagePullSecret', `Unable to retrieve some image pull secrets (${missing.join(', ')}); attempting to pull the image may not succeed.`);
    }
    return keyring;
  }
}

/** The server fills the policy in; objects that come another way get the same. */
const defaultPolicy = (reference: ImageReference | undefined): string => (reference?.tag === 'latest' && reference.digest === undefined ? 'Always' : 'IfNotPresent');

/** What happened, without the machinery's advice. */
function words(error: unknown): string {
  const message = errorMessage(error);
  const end = OrreryError.is(error) ? message.lastIndexOf(` [${error.code}] `) : -1;
  return end < 0 ? message : message.slice(0, end);
}

/** Whether it says nothing of the image: the step as a whole is tried again. */
function unreachable(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted || OrreryError.is(error, 'UNAVAILABLE') || OrreryError.is(error, 'CLOSED') || OrreryError.is(error, 'ABORTED');
}
