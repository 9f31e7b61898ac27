import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { OrreryError } from '@orrery/core';

/** The one signature that is made and believed. */
export const ALGORITHM = 'ES256';

/** A public key as others are told of it (RFC 7517). */
export interface PublicJwk {
  readonly use: 'sig';
  readonly kty: 'EC';
  readonly kid: string;
  readonly alg: typeof ALGORITHM;
  readonly crv: 'P-256';
  readonly x: string;
  readonly y: string;
}

const PEM = /-----BEGIN (PRIVATE KEY|EC PRIVATE KEY|PUBLIC KEY)-----[A-Za-z0-9+/=\s]+?-----END \1-----/g;
const MAX_KEYS = 32;

/**
 * The keys of an issuer: the first private one signs, and what any of them signed is believed. So a key is exchanged by putting the new one before the old, whose public half may be left alone until its last token
 * has expired. Each is known by the hash of its public half, as kube-apiserver names them.
 */
export class KeyRing {
  readonly #public: ReadonlyMap<string, KeyObject>;
  /** Name of the key that signs. */
  readonly signingId: string;
  /** It signs. Not for anybody else. */
  readonly signingKey: KeyObject;

  /** From texts that hold PEMs: private keys (PKCS#8 or SEC1) and public ones (SPKI), all on P-256. Throws `INVALID`, without telling what was given. */
  constructor(pems: readonly string[]) {
    const found = pems.flatMap((text) => [...text.matchAll(PEM)].map(([pem]) => pem));
    if (found.length > MAX_KEYS) throw new OrreryError('INVALID', `At most ${MAX_KEYS} keys can be given.`);
    const keys = found.map((pem, index) => readKey(pem, index));
    const signing = keys.find(({ type }) => type === 'private');
    if (signing === undefined) throw new OrreryError('INVALID', 'One private key (PEM) at least is needed to sign tokens.');
    this.signingKey = signing;
    this.signingId = idOf(signing);
    this.#public = new Map(keys.map((key) => [idOf(key), publicOf(key)]));
  }

  /** The public key of that name. */
  publicKey(id: string | undefined): KeyObject | undefined {
    return id === undefined ? undefined : this.#public.get(id);
  }

  /** What is told to who checks tokens elsewhere. */
  jwks(): readonly PublicJwk[] {
    return [...this.#public].map(([kid, key]) => {
      const { x = '', y = '' } = key.export({ format: 'jwk' });
      return { use: 'sig', kty: 'EC', kid, alg: ALGORITHM, crv: 'P-256', x, y };
    });
  }
}

function readKey(pem: string, index: number): KeyObject {
  let key: KeyObject;
  try {
    key = pem.includes('PUBLIC KEY') ? createPublicKey(pem) : createPrivateKey(pem);
  } catch {
    // What cannot be read is not repeated: it may be a key none the less.
    throw new OrreryError('INVALID', `Key ${index + 1} cannot be read.`);
  }
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new OrreryError('INVALID', `Key ${index + 1} must be an ECDSA key on P-256.`);
  return key;
}

const publicOf = (key: KeyObject): KeyObject => (key.type === 'private' ? createPublicKey(key) : key);
const idOf = (key: KeyObject): string => createHash('sha256').update(publicOf(key).export({ type: 'spki', format: 'der' })).digest('base64url');
