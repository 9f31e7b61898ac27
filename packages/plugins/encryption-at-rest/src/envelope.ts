import type { StoredValue } from '@orrery/core';

/** Field that tells an encrypted value from a plain one; no Kubernetes object has it. */
const FIELD = '$encrypted';
const FORMAT = 'aes-256-gcm/v1';

/** An encrypted value as it is stored: the name of the key-encryption key, the data key wrapped by it, and nonce, ciphertext and tag. Bytes are base64. */
export interface Envelope {
  readonly key: string;
  readonly dataKey: string;
  readonly data: string;
}

/** The stored form of an envelope. */
export const toStored = ({ key, dataKey, data }: Envelope): StoredValue => Object.freeze({ [FIELD]: FORMAT, key, dataKey, data });

/** Whether a stored value claims to be encrypted. */
export const isEncrypted = (stored: StoredValue): boolean => Object.hasOwn(stored, FIELD);

/** The envelope of an encrypted value; undefined when it is malformed or of a format that is not known. */
export function fromStored(stored: StoredValue): Envelope | undefined {
  const { [FIELD]: format, key, dataKey, data } = stored;
  if (format !== FORMAT || typeof key !== 'string' || typeof dataKey !== 'string' || typeof data !== 'string') return undefined;
  return { key, dataKey, data };
}
