import type { IncomingMessage } from 'node:http';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { type ApiRequest, deepFreeze, type KubeList, type KubeObject, OrreryError } from '@orrery/core';

/** The text of an answer. Throws `EXHAUSTED` when it is longer than `limit` bytes (after unpacking), and destroys the rest; `UNAVAILABLE` when it breaks off. */
export async function textOf(response: IncomingMessage, limit: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of unpacked(response)) {
      length += (chunk as Buffer).length;
      if (length > limit) throw new OrreryError('EXHAUSTED', `The server's answer is longer than ${limit} bytes. Ask for less at once (limit, selectors), or raise limits.answerBytes.`, { limit });
      chunks.push(chunk as Buffer);
    }
  } finally {
    if (!response.complete) response.destroy();
  }
  return Buffer.concat(chunks, length).toString('utf8');
}

function unpacked(response: IncomingMessage): Readable {
  if (response.headers['content-encoding'] !== 'gzip') return response;
  // Failures come out of the second stream, which is read.
  return pipeline(response, createGunzip(), () => undefined);
}

/** JSON as a value that is safe to copy: without keys `__proto__`. Throws `UNAVAILABLE` for what is no JSON. */
export function jsonOf(text: string): unknown {
  try {
    const dangerous = text.includes('__proto__') || text.includes('\\u005f') || text.includes('\\u005F');
    return dangerous ? JSON.parse(text, (key, value: unknown) => (key === '__proto__' ? undefined : value)) : JSON.parse(text);
  } catch (cause) {
    throw unreadable('is no JSON', cause);
  }
}

/**
 * What an answer comes to: the object, the list, or of a deletion what is known of what was deleted, since servers answer with a bare Status where nothing is left. Objects are taken as they are, whatever
 * fields they have; frozen. Throws `UNAVAILABLE` for what is neither object nor list.
 */
export function objectOf(request: ApiRequest, value: unknown): KubeObject | KubeList {
  const { ref, verb } = request;
  if (!isRecord(value)) throw unreadable('is no object');
  const isList = verb === 'list' || verb === 'deletecollection';
  if (value['kind'] === 'Status' && verb !== 'list') {
    const apiVersion = ref.group === '' ? ref.version : `${ref.group}/${ref.version}`;
    if (isList) return frozen({ apiVersion, kind: 'List', metadata: { resourceVersion: '' }, items: [] });
    const uid = isRecord(value['details']) ? value['details']['uid'] : undefined;
    const metadata = { ...(ref.name !== undefined && { name: ref.name }), ...(ref.namespace !== undefined && { namespace: ref.namespace }), ...(typeof uid === 'string' && { uid }) };
    return frozen({ ...value, apiVersion: 'v1', kind: 'Status', metadata });
  }
  if (!isRecord(value['metadata'])) throw unreadable('has no metadata');
  if (!isList) return frozen(value) as unknown as KubeObject;
  // An empty list of a server in Go has null for items, and its items do not say what they are.
  const items = value['items'] ?? [];
  if (!Array.isArray(items) || !items.every((item) => isRecord(item) && isRecord(item['metadata']))) throw unreadable('is no list of objects');
  const of = { apiVersion: value['apiVersion'], kind: String(value['kind']).replace(/List$/, '') };
  return frozen({ ...value, items: items.map((item: object) => ({ ...of, ...item })) }) as unknown as KubeList;
}

/** Freezes what was received. Throws `UNAVAILABLE` for what is nested deeper than can be walked through. */
export function frozen<T>(value: T): T {
  try {
    return deepFreeze(value);
  } catch (cause) {
    if (cause instanceof RangeError) throw unreadable('is nested too deeply', cause);
    throw cause;
  }
}

/** What the server sent cannot be used. */
export const unreadable = (why: string, cause?: unknown): OrreryError => new OrreryError('UNAVAILABLE', `What the server sent ${why}.`, {}, cause);

export const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
