import { OrreryError, type StoredValue, type StoreEntry, type StoreEvent } from '@orrery/core';
import type { KeyValue, WireEvent } from './messages.js';

/** Which keys of etcd the store uses, all below one prefix. */
export class Layout {
  /** The key without a name: written to learn how far the watch has come. Keys of the store are never empty, so it is nobody's. */
  readonly mark: Buffer;
  /** What the upstream watch sees: the mark, and all keys of the store. */
  readonly watched: { readonly key: Buffer; readonly rangeEnd: Buffer };
  readonly #keys: string;

  /** @param prefix of everything of this store in etcd, ending in `/` */
  constructor(readonly prefix: string) {
    this.#keys = `${prefix}keys/`;
    this.mark = Buffer.from(this.#keys);
    this.watched = { key: this.mark, rangeEnd: endOf(this.#keys) };
  }

  key(key: string): Buffer {
    return Buffer.from(this.#keys + key, 'latin1');
  }

  /** The store's key; undefined for the mark. */
  nameOf(key: Buffer): string | undefined {
    const name = key.toString('latin1', this.#keys.length);
    return name === '' ? undefined : name;
  }

  /** All keys with a prefix, behind one of them if given. */
  range(prefix: string, after?: string): { readonly key: Buffer; readonly rangeEnd: Buffer } {
    // The lowest character a key can begin with leaves the mark out.
    const start = after !== undefined && after >= prefix ? `${after}\0` : prefix === '' ? ' ' : prefix;
    return { key: this.key(start), rangeEnd: endOf(this.#keys + prefix) };
  }

  lease(name: string): Buffer {
    return Buffer.from(`${this.prefix}leases/${name}`, 'latin1');
  }

  /** See `fence.ts`. */
  fence(name: string): Buffer {
    return Buffer.from(`${this.prefix}fences/${name}`, 'latin1');
  }
}

/** The first key behind all that begin so. */
function endOf(prefix: string): Buffer {
  const end = Buffer.from(prefix, 'latin1');
  // Never 0xff: prefixes are ASCII.
  end[end.length - 1] = (end[end.length - 1] as number) + 1;
  return end;
}

// A value is its JSON, which has no line break, and behind one the tag of the commit that wrote it.
const TAG = '\n#';

/** A value's bytes. Throws `INVALID` naming the key when there are more than `maxBytes` of them. */
export function encodeValue(key: string, value: StoredValue, tag: string, maxBytes: number): Buffer {
  const bytes = Buffer.from(JSON.stringify(value) + TAG + tag);
  if (bytes.length > maxBytes) {
    throw new OrreryError('INVALID', `The value of ${key} is ${bytes.length} bytes long; this store takes ${maxBytes}.`, { key, bytes: bytes.length, maxBytes });
  }
  return bytes;
}

/** What the mark holds when a commit writes it. */
export const taggedMark = (tag: string): Buffer => Buffer.from(`{}${TAG}${tag}`);

/** The tag of the commit that wrote these bytes; undefined if it was not a store. */
export function tagOf(bytes: Buffer): string | undefined {
  const at = bytes.lastIndexOf(TAG);
  return at < 0 ? undefined : bytes.toString('latin1', at + TAG.length);
}

function decodeValue(key: string, bytes: Buffer): StoredValue {
  let value: unknown;
  const text = bytes.toString();
  const tag = text.lastIndexOf(TAG);
  try {
    value = JSON.parse(tag < 0 ? text : text.slice(0, tag));
  } catch (error) {
    throw foreign(key, error);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw foreign(key);
  return value as StoredValue;
}

const foreign = (key: string, cause?: unknown): OrreryError =>
  new OrreryError('INVALID', `What etcd holds under ${key} is not a JSON object: it was written by something else, or damaged. Delete it with etcdctl.`, { key }, cause);

/** An entry as the store tells it. Throws `INVALID` when the value is not a JSON object. */
export function toEntry(layout: Layout, { key, value, createRevision, modRevision }: KeyValue): StoreEntry {
  const name = layout.nameOf(key) as string;
  return { key: name, value: decodeValue(name, value), createRevision, modRevision };
}

/** A change as the store tells it; undefined when etcd no longer knows the state before it, which was compacted. */
export function toEvent(layout: Layout, { type, kv, prevKv }: WireEvent): StoreEvent | undefined {
  const key = layout.nameOf(kv.key) as string;
  const { modRevision } = kv;
  if (type === 'PUT') {
    const value = decodeValue(key, kv.value);
    if (kv.createRevision === modRevision) return { type: 'put', key, value, previousRevision: 0, createRevision: modRevision, modRevision };
    if (prevKv === null) return undefined;
    return { type: 'put', key, value, previous: decodeValue(key, prevKv.value), previousRevision: prevKv.modRevision, createRevision: kv.createRevision, modRevision };
  }
  if (prevKv === null) return undefined;
  const last = decodeValue(key, prevKv.value);
  return { type: 'delete', key, value: last, previous: last, previousRevision: prevKv.modRevision, createRevision: prevKv.createRevision, modRevision };
}
