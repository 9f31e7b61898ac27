import type { KeyObject } from 'node:crypto';
import { type Clock, deepFreeze, OrreryError, type Random, resourceOfKey, type StoredValue, systemClock, systemRandom, type ValueCodec } from '@orrery/core';
import type { z } from 'zod';
import { type EncryptionOptions, encryptionOptions, invalid, keyBytes, names, type ProviderOptions } from './configuration.js';
import { DataKeys } from './data-keys.js';
import { type Envelope, fromStored, isEncrypted, toStored } from './envelope.js';
import { LocalKey, RemoteKey, seal, unseal } from './key-encryption.js';

/** What is done with the values of some resources. */
interface Rule {
  readonly resources: readonly string[];
  /** Undefined: kept as they are. */
  readonly writer: DataKeys | undefined;
  readonly plainAllowed: boolean;
}

/**
 * Envelope encryption with AES-256-GCM, as kube-apiserver's KMS v2 and aesgcm providers do it: values are encrypted with a data key, which is kept with each value, wrapped by a named
 * key-encryption key. The storage key is bound to the ciphertext: moved to another key it does not decrypt. Any configured key reads, whatever resource it is configured for.
 */
export class EncryptionCodec implements ValueCodec {
  readonly #rules: readonly Rule[];
  readonly #keys = new Map<string, DataKeys>();
  readonly #random: Random;

  /** Throws `OPTIONS_INVALID` naming the key that cannot be used. */
  constructor(options: z.input<typeof encryptionOptions>, platform: { readonly clock?: Clock; readonly random?: Random } = {}) {
    const parsed = encryptionOptions.parse(options);
    const clock = platform.clock ?? systemClock;
    this.#random = platform.random ?? systemRandom;
    this.#rules = parsed.resources.map(({ resources, providers }) => {
      const keys = providers.map((provider) => this.#provider(provider, parsed, clock));
      return { resources, writer: keys[0], plainAllowed: keys.includes(undefined) };
    });
  }

  encode(key: string, value: StoredValue): StoredValue | Promise<StoredValue> {
    const writer = this.#rule(key)?.writer;
    if (writer === undefined) {
      if (isEncrypted(value)) throw new OrreryError('INVALID', `The value of ${key} looks as if it were encrypted already.`, { key });
      return value;
    }
    const dataKey = writer.next();
    const encrypt = (data: { readonly key: KeyObject; readonly wrapped: string }): StoredValue => {
      const sealed = seal(data.key, Buffer.from(JSON.stringify(value)), about(key), this.#random);
      return toStored({ key: writer.encryption.name, dataKey: data.wrapped, data: sealed.toString('base64') });
    };
    return dataKey instanceof Promise ? dataKey.then(encrypt) : encrypt(dataKey);
  }

  decode(key: string, stored: StoredValue): StoredValue | Promise<StoredValue> {
    if (!isEncrypted(stored)) {
      const rule = this.#rule(key);
      if (rule === undefined || rule.plainAllowed) return stored;
      throw new OrreryError('UNAVAILABLE', `The value of ${key} is not encrypted, and "identity" is not among the providers of its resource. Add it until all values are encrypted.`, { key });
    }
    const envelope = fromStored(stored);
    if (envelope === undefined) throw new OrreryError('UNREADABLE', `The encrypted value of ${key} is malformed, or in a format this version does not know.`, { key });
    const keys = this.#keys.get(envelope.key);
    if (keys === undefined) {
      throw new OrreryError('UNAVAILABLE', `The value of ${key} is encrypted with the key "${envelope.key}", which is not among the providers. Add it again.`, { key, encryptionKey: envelope.key });
    }
    return decrypt(key, envelope, keys);
  }

  isCurrent(key: string, stored: StoredValue): boolean {
    const writer = this.#rule(key)?.writer;
    return (isEncrypted(stored) ? fromStored(stored)?.key : undefined) === writer?.encryption.name;
  }

  #rule(key: string): Rule | undefined {
    const resource = resourceOfKey(key);
    return this.#rules.find(({ resources }) => resources.some((pattern) => names(pattern, resource)));
  }

  /** Undefined for `identity`. The same key may be a provider of several resources. */
  #provider(provider: ProviderOptions, { valuesPerDataKey }: EncryptionOptions, clock: Clock): DataKeys | undefined {
    if ('identity' in provider) return undefined;
    const { name } = 'aesgcm' in provider ? provider.aesgcm : provider.kms;
    const made = new DataKeys(
      'aesgcm' in provider ? new LocalKey(name, keyBytes(provider.aesgcm), this.#random) : new RemoteKey(name, provider.kms, clock, provider.kms.timeoutMs),
      this.#random,
      valuesPerDataKey,
    );
    const known = this.#keys.get(name);
    if (known !== undefined && !known.encryption.equals(made.encryption)) throw invalid(name, 'is given twice with different content');
    this.#keys.set(name, known ?? made);
    return known ?? made;
  }
}

const about = (key: string): string => `orrery value ${key}`;

function decrypt(key: string, { key: encryptionKey, dataKey, data }: Envelope, keys: DataKeys): StoredValue | Promise<StoredValue> {
  const unreadable = (cause: unknown): OrreryError => {
    // The service did not answer: nothing is known about the value.
    if (OrreryError.is(cause, 'UNAVAILABLE')) return cause;
    const words = `The value of ${key} cannot be decrypted with the key "${encryptionKey}": it was changed, or belongs to another key of the store.`;
    // Without the cause, which may show what it tried to read.
    return new OrreryError('UNREADABLE', words, { key, encryptionKey });
  };
  const open = (secret: KeyObject): StoredValue => {
    try {
      return deepFreeze(JSON.parse(unseal(secret, Buffer.from(data, 'base64'), about(key)).toString('utf8'))) as StoredValue;
    } catch (error) {
      throw unreadable(error);
    }
  };
  try {
    const secret = keys.unwrap(dataKey);
    return secret instanceof Promise
      ? secret.then(open, (error: unknown) => {
          throw unreadable(error);
        })
      : open(secret);
  } catch (error) {
    throw OrreryError.is(error, 'UNREADABLE') ? error : unreadable(error);
  }
}
