import type { Status } from '@orrery/core';

/** Channels of `channel.k8s.io`: the first byte of each message. */
export const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, status: 3, resize: 4, close: 255 } as const;

/** What a client says in one message. Pure. */
export type ClientMessage =
  | { readonly type: 'stdin'; readonly payload: Buffer }
  | { readonly type: 'stdinEnd' }
  | { readonly type: 'resize'; readonly columns: number; readonly rows: number }
  /** Means nothing here. */
  | { readonly type: 'nothing' };

const NOTHING: ClientMessage = { type: 'nothing' };
const MAX_RESIZE = 256;

/** Reads a message. `closes`: the protocol knows closed channels (v5). Anything else than input and sizes means nothing, as to the kubelet. */
export function clientMessage(message: Buffer, closes: boolean): ClientMessage {
  const payload = message.subarray(1);
  switch (message[0]) {
    case CHANNEL.stdin:
      return payload.length === 0 ? NOTHING : { type: 'stdin', payload };
    case CHANNEL.resize:
      return resizeOf(payload);
    case CHANNEL.close:
      return closes && payload[0] === CHANNEL.stdin ? { type: 'stdinEnd' } : NOTHING;
    default:
      return NOTHING;
  }
}

function resizeOf(payload: Buffer): ClientMessage {
  if (payload.length > MAX_RESIZE) return NOTHING;
  const [columns, rows] = ['Width', 'Height'].map((name) => Number(new RegExp(`"${name}"\\s*:\\s*(\\d{1,5})\\b`).exec(payload.toString('latin1'))?.[1] ?? 0));
  // A client without a terminal of its own tells a size of nothing.
  return columns === undefined || rows === undefined || columns < 1 || rows < 1 || columns > 65_535 || rows > 65_535 ? NOTHING : { type: 'resize', columns, rows };
}

/** A message of the server. */
export const serverMessage = (channel: number, payload: Uint8Array): Buffer => Buffer.concat([Buffer.from([channel]), payload]);

/** How a command ended, as the last message tells it. */
export function exitStatus(code: number): object {
  if (code === 0) return { metadata: {}, status: 'Success' };
  const message = `command terminated with non-zero exit code: command terminated with exit code ${code}`;
  return { metadata: {}, status: 'Failure', message, reason: 'NonZeroExitCode', details: { causes: [{ reason: 'ExitCode', message: String(code) }] } };
}

/** Why there was nothing to end, as the last message tells it. */
export function failureStatus({ message, reason, details, code }: Status): object {
  return { metadata: {}, status: 'Failure', ...(message !== undefined && { message }), ...(reason !== undefined && { reason }), ...(details !== undefined && { details }), code };
}
