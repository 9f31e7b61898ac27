import type { IncomingMessage } from 'node:http';
import { ApiError, type Clock, forbiddenKey, OrreryError, type PatchType, readDocument } from '@orrery/core';
import { mediaType } from './accept.js';
import { jsonOf, utf8 } from './json-text.js';
import type { HttpLimits } from './limits.js';
import { objectOfProtobuf } from './protobuf/decode.js';
import { bodyTooLarge, bodyTooSlow, tooBusy } from './refusal.js';

/** Bytes of bodies that are held now, over all requests of a server. */
export interface BodyBudget {
  held: number;
}

/** What reading a body needs. */
export interface BodyReading {
  readonly clock: Clock;
  readonly limits: HttpLimits;
  readonly budget: BodyBudget;
}

/** What client libraries in Go send. */
const PROTOBUF = 'application/vnd.kubernetes.protobuf';

/** Content types of patches, with the language each stands for. */
const PATCHES: ReadonlyMap<string, PatchType> = new Map([
  ['application/json-patch+json', 'json'],
  ['application/merge-patch+json', 'merge'],
  ['application/strategic-merge-patch+json', 'strategic'],
  ['application/apply-patch+yaml', 'apply'],
]);

/** The language of a patch. Throws UnsupportedMediaType. */
export function patchTypeOf(request: IncomingMessage): PatchType {
  const type = PATCHES.get(mediaType(request.headers['content-type']));
  if (type === undefined) throw new ApiError('UnsupportedMediaType', `the body of the request was in an unknown format - accepted media types include: ${[...PATCHES.keys()].join(', ')}`);
  return type;
}

/**
 * The body of a request, decoded: JSON, Kubernetes' protobuf, or YAML of one document; undefined when there is none. Bounded in bytes, time and depth; keys that could reach a prototype are refused.
 * Throws RequestEntityTooLarge, UnsupportedMediaType, BadRequest, TooManyRequests, or 408 when it comes too slowly.
 */
export async function bodyOf(request: IncomingMessage, reading: BodyReading): Promise<unknown> {
  const type = mediaType(request.headers['content-type']);
  const isYaml = type === 'application/yaml' || type === 'application/apply-patch+yaml';
  if (!isYaml && type !== '' && type !== 'application/json' && type !== PROTOBUF && !PATCHES.has(type)) {
    throw new ApiError('UnsupportedMediaType', `the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, ${PROTOBUF}`);
  }
  const coding = request.headers['content-encoding'] ?? 'identity';
  if (coding !== 'identity') throw new ApiError('UnsupportedMediaType', 'the body of the request has a content encoding that is not accepted');
  const chunks: Buffer[] = [];
  try {
    await collect(request, chunks, reading);
    const bytes = Buffer.concat(chunks);
    if (bytes.length === 0) return undefined;
    const { bodyDepth } = reading.limits;
    const value = isYaml ? await yamlOf(utf8(bytes)) : type === PROTOBUF ? objectOfProtobuf(bytes, bodyDepth) : jsonOf(bytes, bodyDepth);
    const key = forbiddenKey(value);
    if (key !== undefined) throw ApiError.badRequest(`the body has a key that is not allowed: ${key.slice(0, 200)}`);
    return value;
  } finally {
    for (const chunk of chunks) reading.budget.held -= chunk.length;
  }
}

/** Reads all there is. What was read is on the budget, also when it throws. */
function collect(request: IncomingMessage, chunks: Buffer[], { clock, limits, budget }: BodyReading): Promise<void> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (request.readableDidRead || request.readableEnded) {
    if (declared === 0 && request.headers['transfer-encoding'] === undefined) return Promise.resolve();
    return Promise.reject(new OrreryError('INVALID', 'The body was read before the handler of the Kubernetes API got the request: mount it before what reads bodies.'));
  }
  if (request.destroyed) return Promise.reject(connectionLost());
  if (declared > limits.bodyBytes) return Promise.reject(bodyTooLarge(limits.bodyBytes));
  return new Promise<void>((resolve, reject) => {
    let length = 0;
    const done = (end: () => void): void => {
      cancel();
      request.off('data', data).off('end', complete).off('close', lost).off('error', failed);
      request.pause();
      end();
    };
    const cancel = clock.timer(limits.bodyMs, () => done(() => reject(bodyTooSlow())));
    const data = (chunk: Buffer): void => {
      length += chunk.length;
      if (length > limits.bodyBytes) return done(() => reject(bodyTooLarge(limits.bodyBytes)));
      if (budget.held + chunk.length > limits.bodyBytesInFlight) return done(() => reject(tooBusy('too many request bodies at the same time, please try again later')));
      budget.held += chunk.length;
      chunks.push(chunk);
    };
    const complete = (): void => done(resolve);
    const lost = (): void => done(() => reject(connectionLost()));
    const failed = (cause: Error): void => done(() => reject(new ApiError('BadRequest', 'the request body could not be read', {}, cause)));
    request.on('data', data).on('end', complete).on('close', lost).on('error', failed);
  });
}

const connectionLost = (): ApiError => ApiError.badRequest('the connection was closed before the body was complete');

async function yamlOf(text: string): Promise<unknown> {
  const value = await readDocument(text);
  return value ?? undefined;
}
