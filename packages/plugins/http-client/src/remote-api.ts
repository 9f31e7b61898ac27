import { ApiError, backoffDelay, type Clock, definePlugin, errorMessage, type Logger, OrreryError, RemoteApi, untilAborted } from '@orrery/core';
import { z } from 'zod';
import type { Connection } from './credentials/connection.js';
import { findConnection } from './credentials/find-connection.js';
import { HttpTransport } from './http-transport.js';

const positive = z.int().positive();

const options = z
  .strictObject({
    /** File; default: as kubectl finds it (`KUBECONFIG`, `~/.kube/config`, in a pod the service account). */
    kubeconfig: z.string().min(1).optional(),
    /** Default: the current context. */
    context: z.string().min(1).optional(),
    /** Instead of a kubeconfig. */
    connection: z.custom<Connection>((value) => typeof (value as Connection | undefined)?.server === 'string').optional(),
    /** Ask in the name of the user of each request (`system:controller:…`), whom the credentials must be allowed to impersonate. */
    impersonate: z.boolean().default(false),
    /** How long a start waits for the server to answer. */
    connectSeconds: z.number().positive().default(25),
    /** After how long a watch that says nothing counts as dead; kube-apiserver speaks about once a minute. */
    silenceSeconds: z.number().positive().default(120),
    limits: z.strictObject({ answerMs: positive, answerBytes: positive, eventBytes: positive, connections: positive, retryAfterMs: positive }).partial().default({}),
  })
  .prefault({});

/** Takes the seat `RemoteApi`: the orchestrator then works on the cluster of a kubeconfig, and serves none of its own. Ready when the server has answered and knows the credentials. */
export const remoteApi = definePlugin({
  name: 'remote-api',
  core: '^0.1.0',
  options,
  async setup({ provide, run, scope, clock, log, options: given }) {
    const connection = given.connection ?? (await findConnection({ kubeconfig: given.kubeconfig, context: given.context, clock }));
    const limits = Object.fromEntries(Object.entries(given.limits).filter(([, value]) => value !== undefined));
    const transport = new HttpTransport({ connection, clock, impersonate: given.impersonate, limits, silenceMs: given.silenceSeconds * 1000 });
    scope.defer(() => transport.close());
    provide(RemoteApi, () => transport);
    run(() => ({
      name: 'connection to the API',
      phase: 'store',
      run: async (signal, ready) => {
        await answered(transport, { clock, log, server: connection.server, limitMs: given.connectSeconds * 1000 }, signal);
        ready();
        await untilAborted(signal);
      },
    }));
  },
});

const CONNECT_BACKOFF = { baseMs: 200, maxMs: 3_000 } as const;

/** Waits until the server answers. Throws `UNAVAILABLE` when it does not in time, and at once when it does not know the credentials. */
async function answered(transport: HttpTransport, { clock, log, server, limitMs }: { readonly clock: Clock; readonly log: Logger; readonly server: string; readonly limitMs: number }, signal: AbortSignal): Promise<void> {
  const until = clock.monotonic() + limitMs;
  for (let failures = 1; !signal.aborted; failures += 1) {
    try {
      await transport.read('/version', signal);
      return;
    } catch (error) {
      // It knows us, and tells us its version or not.
      if (ApiError.is(error, 'Forbidden') || signal.aborted) return;
      const delayMs = backoffDelay(CONNECT_BACKOFF, failures);
      if (ApiError.is(error, 'Unauthorized') || clock.monotonic() + delayMs > until) throw new OrreryError('UNAVAILABLE', `The Kubernetes API at ${server} cannot be used: ${errorMessage(error)}`, { server }, error);
      log.warn('waiting for the API server', { server, error: errorMessage(error) });
      await clock.sleep(delayMs, signal).catch(() => signal);
    }
  }
}
