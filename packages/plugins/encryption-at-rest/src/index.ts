/**
 * Encryption at rest: the value codec seat with envelope encryption.
 * @packageDocumentation
 */
import { definePlugin, ValueCodec } from '@orrery/core';
import { encryptionOptions } from './configuration.js';
import { EncryptionCodec } from './encryption-codec.js';

export type { KeyService } from './key-encryption.js';
export { EncryptionCodec } from './encryption-codec.js';
export { reencrypt, type ReencryptOptions, type ReencryptReport } from './reencrypt.js';

/** Takes the value codec seat: values of the named resources are encrypted on their way to the store, whichever it is. */
export const encryptionAtRest = definePlugin({
  name: 'encryption-at-rest',
  core: '^0.1.0',
  options: encryptionOptions,
  setup({ provide, clock, random, options }) {
    const codec = new EncryptionCodec(options, { clock, random });
    provide(ValueCodec, () => codec);
  },
});
