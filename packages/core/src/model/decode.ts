import { ApiError } from './api-error.js';
import type { KindDefinition } from './kind.js';
import type { KubeObject } from './object.js';
import { decoderOf } from './schema/decoder.js';
import type { DecodeContext } from './schema/decoder.js';
import { Mismatch } from './schema/mismatch.js';
import { formatPath } from './schema/safe-copy.js';

/** A decoded object, and what was in the input that its kind does not know. */
export interface Decoded<T extends KubeObject = KubeObject> {
  /** A fresh, mutable object that shares nothing with the input. */
  readonly object: T;
  /** Paths of dropped fields, e.g. `spec.containers[0].imagee`; strict field validation refuses them. */
  readonly unknown: readonly string[];
}

/**
 * Turns parsed JSON into an object of `kind`, as Go's decoder and the apimachinery do: null is absence, unknown fields are dropped
 * (and named in the result), quantities and times become canonical, zero values that Go omits vanish, missing required ones appear.
 * Says nothing about whether values make sense: that is validation.
 * Throws BadRequest naming the field when a type does not fit, a key is `__proto__`, `constructor` or `prototype`,
 * or the input is nested too deeply.
 */
export function decodeObject<T extends KubeObject>(kind: KindDefinition<T>, input: unknown): Decoded<T> {
  if (kind.shape !== undefined) return kind.shape.decode(input);
  const context: DecodeContext = { path: [], unknown: [] };
  try {
    const { apiVersion: _, kind: __, ...rest } = decoderOf(kind.schema)(input, context) as T;
    // First of all keys, as people expect to read them.
    const object = { apiVersion: kind.apiVersion, kind: kind.kind, ...rest } as unknown as T;
    return { object, unknown: context.unknown };
  } catch (thrown) {
    if (!(thrown instanceof Mismatch)) throw thrown;
    throw ApiError.badRequest(`${kind.kind} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}: ${explain(thrown, kind.kind, context)}`);
  }
}

function explain(mismatch: Mismatch, kind: string, context: DecodeContext): string {
  const path = formatPath(context.path);
  if (mismatch.wanted === undefined) return path === '' ? mismatch.message : `${path}: ${mismatch.message}`;
  const place = path === '' ? `Go value of type ${kind}` : `Go struct field ${kind}.${path} of type ${mismatch.wanted}`;
  return `json: ${mismatch.message} into ${place}`;
}
