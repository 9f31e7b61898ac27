import { ApiError, type ExecSession, OrreryError, type Status } from '@orrery/core';
import { BytePipe, CHANNEL, CLOSE, serverMessage, type Tunnel } from '@orrery/stream-channels';

/** Output that was not taken and came, beyond which the node is made to wait. */
const BACKLOG_BYTES = 1024 * 1024;
const MAX_STATUS = 64 * 1024;

/** A command on a node, over `v5.channel.k8s.io`, as if it ran here. @param tellsExit whether its end says more than that it is over: who only joined a container is not told how that ended */
export function commandOver(tunnel: Tunnel, tellsExit: boolean): ExecSession {
  let wake = (): void => {};
  const pipes = { [CHANNEL.stdout]: new BytePipe(() => wake()), [CHANNEL.stderr]: new BytePipe(() => wake()) } as const;
  const end = (): void => {
    for (const pipe of Object.values(pipes)) pipe.end();
  };
  tunnel.gone.addEventListener('abort', () => wake(), { once: true });
  const exitCode = (async () => {
    let status: Buffer | undefined;
    try {
      for await (const message of tunnel.messages) {
        const channel = message[0];
        if (channel === CHANNEL.status && message.length <= MAX_STATUS) {
          status = message.subarray(1);
          // Nothing follows it.
          end();
        }
        if (channel !== CHANNEL.stdout && channel !== CHANNEL.stderr) continue;
        if (message.length > 1) pipes[channel].push(message.subarray(1));
        while (pipes[channel].length > BACKLOG_BYTES && !tunnel.gone.aborted) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      end();
    }
    if (status === undefined) throw new OrreryError('UNAVAILABLE', 'The connection to the node was lost.');
    return exitCodeOf(status, tellsExit);
  })();
  // Looked at when the output has ended; until then it may fail unheard.
  exitCode.catch(() => undefined);
  const send = (channel: number, payload: Uint8Array): Promise<void> => tunnel.send(serverMessage(channel, payload));
  /** What cannot be told any more is told to nobody. */
  const tell = (channel: number, payload: Uint8Array): void => void send(channel, payload).catch(() => tunnel.terminate());
  return {
    stdin: { write: (chunk) => send(CHANNEL.stdin, chunk), end: () => tell(CHANNEL.close, Buffer.from([CHANNEL.stdin])) },
    stdout: pipes[CHANNEL.stdout],
    stderr: pipes[CHANNEL.stderr],
    exitCode,
    resize: (columns, rows) => tell(CHANNEL.resize, Buffer.from(JSON.stringify({ Width: columns, Height: rows }))),
    close: async () => {
      for (const pipe of Object.values(pipes)) pipe.discard();
      wake();
      if (!tunnel.gone.aborted) await tunnel.close(CLOSE.normal);
    },
  };
}

/** How a command ended, as the last message tells it. Throws what it could not begin for. Pure. */
export function exitCodeOf(message: Buffer, tellsExit: boolean): number {
  const status = JSON.parse(message.toString('utf8')) as Partial<Status> & { readonly reason?: string };
  if (status.status === 'Success') return 0;
  const cause = status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message ?? '';
  if (status.reason === ('NonZeroExitCode' as string) && tellsExit && /^\d{1,3}$/.test(cause)) return Number(cause);
  throw refusalOf(status);
}

/** A refusal of the node, to be passed on as it is. Pure. */
export function refusalOf({ reason, message = 'the node refused the request', details = {} }: Partial<Status>): ApiError {
  return new ApiError(reason ?? '', message, details);
}
