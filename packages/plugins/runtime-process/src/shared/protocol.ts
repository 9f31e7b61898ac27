import type {
  ContainerConfig, ContainerResources, ContainerStats, RuntimeContainerStatus, ErrorCode, ErrorDetails, RuntimeEvent, SandboxConfig, SandboxStatus,
} from '@orrery/core';

// What host and helper say to each other over a Unix socket. Both sides import this file; it must not load anything.

/** Raised whenever a frame changes its meaning. Host and helper of different versions refuse each other. */
export const PROTOCOL_VERSION = 1;

/** A larger frame ends the connection: nothing legitimate comes near it, and a length is never trusted with memory. */
export const MAX_FRAME_BYTES = 16 * 1024 * 1024;

/** The first byte after the length tells what the rest is. */
export const FRAME = { json: 0, stdin: 1, stdout: 2, stderr: 3, stdinEnd: 4 } as const;

/** A value of {@link FRAME}. */
export type FrameType = (typeof FRAME)[keyof typeof FRAME];

/** One frame, taken off the wire. */
export interface Frame {
  readonly type: number;
  readonly payload: Buffer;
}

/** Every operation: what goes in, what comes back. */
export interface Operations {
  hello: { args: { readonly version: number }; result: { readonly version: number; readonly pid: number; readonly podCIDR: string } };
  subscribe: { args: Nothing; result: Nothing };
  runSandbox: { args: { readonly config: SandboxConfig }; result: SandboxStatus };
  stopSandbox: { args: { readonly id: string }; result: Nothing };
  removeSandbox: { args: { readonly id: string }; result: Nothing };
  listSandboxes: { args: { readonly podUid?: string }; result: readonly SandboxStatus[] };
  createContainer: { args: { readonly sandboxId: string; readonly config: ContainerConfig }; result: string };
  startContainer: { args: { readonly id: string }; result: Nothing };
  stopContainer: { args: { readonly id: string; readonly graceMs: number }; result: Nothing };
  updateContainer: { args: { readonly id: string; readonly resources: ContainerResources }; result: Nothing };
  removeContainer: { args: { readonly id: string }; result: Nothing };
  containerStatus: { args: { readonly id: string }; result: RuntimeContainerStatus };
  listContainers: { args: { readonly sandboxId?: string }; result: readonly RuntimeContainerStatus[] };
  stats: { args: Nothing; result: readonly ContainerStats[] };
  destroy: { args: Nothing; result: Nothing };
  exec: { args: { readonly id: string; readonly command: readonly string[]; readonly stdin: boolean }; result: Nothing };
  attach: { args: { readonly id: string; readonly stdin: boolean }; result: Nothing };
}

/** No fields. */
export type Nothing = Readonly<Record<string, never>>;

/** A key of {@link Operations}. */
export type Operation = keyof Operations;

/** A question. After `exec` and `attach` the connection carries that session's streams and nothing else. */
export interface RequestMessage {
  readonly id: number;
  readonly op: Operation;
  readonly args: unknown;
}

/** How a failure crosses the socket. */
export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: ErrorDetails;
}

/** What the helper says: the answer to a question, a hint, or the end of a session. */
export type HelperMessage =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: WireError }
  | { readonly event: RuntimeEvent }
  | { readonly exit: number };

/** A frame as bytes: length of what follows (4 bytes, big endian), type (1 byte), payload. */
export function encodeFrame(type: FrameType, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(5 + payload.length);
  frame.writeUInt32BE(payload.length + 1, 0);
  frame.writeUInt8(type, 4);
  frame.set(payload, 5);
  return frame;
}

/** A message as a frame. Throws when it is larger than {@link MAX_FRAME_BYTES}. */
export function encodeJson(message: RequestMessage | HelperMessage): Buffer {
  const payload = Buffer.from(JSON.stringify(message), 'utf8');
  if (payload.length >= MAX_FRAME_BYTES) throw new RangeError(`A message of ${payload.length} bytes is larger than the limit of ${MAX_FRAME_BYTES}.`);
  return encodeFrame(FRAME.json, payload);
}

/** Cuts a byte stream into frames, whatever pieces it arrives in. */
export class FrameReader {
  #pending: Buffer[] = [];
  #bytes = 0;

  /** Takes the next bytes and gives the frames they complete. Throws `RangeError` on a length outside the bounds; the connection is then useless. */
  push(chunk: Buffer): Frame[] {
    this.#pending.push(chunk);
    this.#bytes += chunk.length;
    const frames: Frame[] = [];
    for (let length = this.#nextLength(); length !== undefined; length = this.#nextLength()) {
      const all = this.#merged();
      frames.push({ type: all.readUInt8(4), payload: all.subarray(5, 4 + length) });
      this.#pending = [all.subarray(4 + length)];
      this.#bytes -= 4 + length;
    }
    return frames;
  }

  /** The length of the next frame if all of it is here. */
  #nextLength(): number | undefined {
    if (this.#bytes < 5) return undefined;
    const first = this.#pending[0];
    const head = first !== undefined && first.length >= 4 ? first : this.#merged();
    const length = head.readUInt32BE(0);
    if (length < 1 || length > MAX_FRAME_BYTES) throw new RangeError(`A frame of ${length} bytes is outside the bounds.`);
    return this.#bytes >= 4 + length ? length : undefined;
  }

  #merged(): Buffer {
    const [first] = this.#pending;
    const all = this.#pending.length === 1 && first !== undefined ? first : Buffer.concat(this.#pending);
    this.#pending = [all];
    return all;
  }
}

/** Decodes JSON from the wire or from disk and refuses the keys that reach prototypes. */
export function parseJson(text: string): unknown {
  return JSON.parse(text, (key, value: unknown) => {
    if (key === '__proto__' || key === 'constructor' || key === 'prototype') throw new SyntaxError(`The key "${key}" is refused.`);
    return value;
  });
}
