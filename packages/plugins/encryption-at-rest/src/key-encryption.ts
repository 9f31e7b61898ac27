import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { type Clock, errorMessage, OrreryError, type Random } from '@orrery/core';

/** Wraps data keys for keeping beside the values they encrypt: the part of a provider that knows the long-lived key. */
export interface KeyEncryption {
  /** The key's name, kept with each value. */
  readonly name: string;
  wrap(dataKey: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** Throws when it was not wrapped by this key, or was changed. */
  unwrap(wrapped: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** Whether it is the same key. */
  equals(other: KeyEncryption): boolean;
}

/** A key service of one's own, as a KMS: both functions may take their time, but not for ever. `unwrap` throws an `OrreryError` with `UNREADABLE` to say that what it got is not its own; any other error counts as a service out of order. */
export interface KeyService {
  wrap(dataKey: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;
  unwrap(wrapped: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;
}

const NONCE = 12;
const TAG = 16;

/** Encrypts with AES-256-GCM under a fresh random nonce: nonce, ciphertext, tag. `about` is bound to it and must be given again for decryption. */
export function seal(key: KeyObject, plain: Uint8Array, about: string, random: Random): Buffer {
  const nonce = random.bytes(NONCE);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG }).setAAD(Buffer.from(about));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** What {@link seal} encrypted. Throws when key, content or `about` are not the same. */
export function unseal(key: KeyObject, sealed: Uint8Array, about: string): Buffer {
  if (sealed.length < NONCE + TAG) throw new Error('it is too short');
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE), { authTagLength: TAG }).setAAD(Buffer.from(about));
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG));
  return Buffer.concat([decipher.update(sealed.subarray(NONCE, sealed.length - TAG)), decipher.final()]);
}

/** A key that this process holds. Its bytes are in a key object, which shows them to no log. */
export class LocalKey implements KeyEncryption {
  readonly #key: KeyObject;

  constructor(
    readonly name: string,
    bytes: Uint8Array,
    private readonly random: Random,
  ) {
    this.#key = createSecretKey(bytes);
  }

  wrap(dataKey: Uint8Array): Uint8Array {
    return seal(this.#key, dataKey, this.#about, this.random);
  }

  unwrap(wrapped: Uint8Array): Uint8Array {
    return unseal(this.#key, wrapped, this.#about);
  }

  equals(other: KeyEncryption): boolean {
    return other instanceof LocalKey && other.#key.equals(this.#key);
  }

  get #about(): string {
    return `orrery data key ${this.name}`;
  }
}

/** A key that a service holds. Each call is bounded in time; one that fails is `UNAVAILABLE`, for it says nothing about the value. */
export class RemoteKey implements KeyEncryption {
  constructor(
    readonly name: string,
    private readonly service: KeyService,
    private readonly clock: Clock,
    private readonly timeoutMs: number,
  ) {}

  wrap(dataKey: Uint8Array): Promise<Uint8Array> {
    return this.#call('wrap', (signal) => this.service.wrap(dataKey, signal));
  }

  unwrap(wrapped: Uint8Array): Promise<Uint8Array> {
    return this.#call('unwrap', (signal) => this.service.unwrap(wrapped, signal));
  }

  equals(other: KeyEncryption): boolean {
    return other instanceof RemoteKey && other.service.wrap === this.service.wrap && other.service.unwrap === this.service.unwrap;
  }

  async #call(what: string, ask: (signal: AbortSignal) => Promise<Uint8Array>): Promise<Uint8Array> {
    const { name, timeoutMs } = this;
    const late = new AbortController();
    let cancel = (): void => {};
    const tooLate = new Promise<never>((_, reject) => {
      cancel = this.clock.timer(timeoutMs, () => {
        reject(new Error(`it did not answer in ${timeoutMs} ms`));
        late.abort();
      });
    });
    try {
      const answer: unknown = await Promise.race([ask(late.signal), tooLate]);
      if (answer instanceof Uint8Array && answer.length > 0) return answer;
      throw new Error('it did not answer with bytes');
    } catch (error) {
      if (OrreryError.is(error, 'UNREADABLE')) throw error;
      throw new OrreryError('UNAVAILABLE', `The key service "${name}" could not ${what} a data key: ${errorMessage(error)}.`, { key: name }, error);
    } finally {
      cancel();
    }
  }
}
