import { createSecretKey, type KeyObject } from 'node:crypto';
import { OrreryError, type Random } from '@orrery/core';
import type { KeyEncryption } from './key-encryption.js';

/** A data key and its wrapped form, which is kept with each value. */
export interface DataKey {
  readonly key: KeyObject;
  readonly wrapped: string;
}

/** Unwrapped keys of other writers that are remembered at most. */
const REMEMBERED = 1_000;
const KEY_BYTES = 32;

/**
 * The data keys under one key-encryption key. The one in use is made anew by each process and again after so many values: nonces are random, and at the default of a million values a key two
 * are the same with a probability below 2^-56 (2^40 / 2^97; NIST SP 800-38D allows 2^-32). Keys of values read are unwrapped once.
 */
export class DataKeys {
  #current: DataKey | undefined;
  #left = 0;
  #making: Promise<DataKey> | undefined;
  readonly #unwrapped = new Map<string, KeyObject>();
  /** Asked of a key service: a list of many values under one data key asks once. */
  readonly #unwrapping = new Map<string, Promise<KeyObject>>();

  constructor(
    readonly encryption: KeyEncryption,
    private readonly random: Random,
    private readonly valuesPerKey: number,
  ) {}

  /** The key for the next value; each call counts as one use. */
  next(): DataKey | Promise<DataKey> {
    if (this.#current !== undefined && this.#left > 0) {
      this.#left -= 1;
      return this.#current;
    }
    if (this.#making !== undefined) return this.#making.then(() => this.next());
    const bytes = this.random.bytes(KEY_BYTES);
    const wrapped = this.encryption.wrap(bytes);
    if (!(wrapped instanceof Promise)) {
      this.#use(bytes, wrapped);
      return this.next();
    }
    this.#making = wrapped.then((done) => this.#use(bytes, done)).finally(() => (this.#making = undefined));
    return this.#making.then(() => this.next());
  }

  /** The data key of a value that was read. Throws `UNREADABLE` when it was changed. */
  unwrap(wrapped: string): KeyObject | Promise<KeyObject> {
    const known = this.#unwrapped.get(wrapped);
    const asked = known ?? this.#unwrapping.get(wrapped);
    if (asked !== undefined) return asked;
    const bytes = this.encryption.unwrap(Buffer.from(wrapped, 'base64'));
    if (!(bytes instanceof Promise)) return this.#remember(wrapped, bytes);
    const asking = bytes.then((done) => this.#remember(wrapped, done)).finally(() => this.#unwrapping.delete(wrapped));
    this.#unwrapping.set(wrapped, asking);
    return asking;
  }

  #use(bytes: Uint8Array, wrapped: Uint8Array): DataKey {
    const text = Buffer.from(wrapped).toString('base64');
    this.#current = { key: this.#remember(text, bytes), wrapped: text };
    this.#left = this.valuesPerKey;
    return this.#current;
  }

  #remember(wrapped: string, bytes: Uint8Array): KeyObject {
    if (bytes.length !== KEY_BYTES) throw new OrreryError('UNREADABLE', `A data key under "${this.encryption.name}" has ${bytes.length} bytes instead of ${KEY_BYTES}.`, { key: this.encryption.name });
    const key = createSecretKey(bytes);
    this.#unwrapped.set(wrapped, key);
    if (this.#unwrapped.size > REMEMBERED) this.#unwrapped.delete(this.#unwrapped.keys().next().value as string);
    return key;
  }
}
