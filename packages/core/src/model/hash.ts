import { SAFE_ALPHABET } from './names.js';

const encoder = new TextEncoder();
const OFFSET_32 = 0x811c9dc5;
const PRIME_32 = 0x01000193;
const OFFSET_64 = 0xcbf29ce484222325n;
const PRIME_64 = 0x100000001b3n;

/** FNV-1a, 32 bits, of the UTF-8 bytes of a text or of bytes; `seed` continues an earlier hash. */
export function fnv32a(input: string | Uint8Array, seed = OFFSET_32): number {
  let hash = seed;
  for (const byte of toBytes(input)) hash = Math.imul(hash ^ byte, PRIME_32);
  return hash >>> 0;
}

/** FNV-1, 32 bits (multiplies first). Kubernetes names controller revisions with it. */
export function fnv32(input: string | Uint8Array, seed = OFFSET_32): number {
  let hash = seed;
  for (const byte of toBytes(input)) hash = Math.imul(hash, PRIME_32) ^ byte;
  return hash >>> 0;
}

/** FNV-1a, 64 bits. */
export function fnv64a(input: string | Uint8Array): bigint {
  let hash = OFFSET_64;
  for (const byte of toBytes(input)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * PRIME_64);
  return hash;
}

const toBytes = (input: string | Uint8Array): Uint8Array => (typeof input === 'string' ? encoder.encode(input) : input);

/** A text in characters that form no words and are safe in names (rand.SafeEncodeString). */
export function safeEncode(text: string): string {
  let encoded = '';
  for (const byte of encoder.encode(text)) encoded += SAFE_ALPHABET[byte % SAFE_ALPHABET.length];
  return encoded;
}

/** JSON with the keys of all objects sorted and absent values left out: equal values give equal texts. */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const record = value as Record<string, unknown>;
  const members = Object.keys(record)
    .filter((key) => record[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(record[key])}`);
  return `{${members.join(',')}}`;
}

/**
 * The value of the `pod-template-hash` label. As Kubernetes' ComputeHash (FNV-1a and the collision count, safely encoded), but over
 * canonical JSON: Kubernetes hashes a dump of Go structs, which nobody else can reproduce. Deterministic across processes.
 */
export function podTemplateHash(template: unknown, collisionCount?: number): string {
  return templateHashOfText(canonicalJson(template), collisionCount);
}

/** {@link podTemplateHash} of a template that is already written out. */
export function templateHashOfText(text: string, collisionCount?: number): string {
  let hash = fnv32a(text);
  if (collisionCount !== undefined) {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setUint32(0, collisionCount, true);
    hash = fnv32a(bytes, hash);
  }
  return safeEncode(String(hash));
}

/** The hash in the name of a ControllerRevision with this raw data (history.HashControllerRevision). */
export function controllerRevisionHash(raw: string, collisionCount?: number): string {
  const hash = fnv32(raw);
  return safeEncode(String(collisionCount === undefined ? hash : fnv32(String(collisionCount), hash)));
}
