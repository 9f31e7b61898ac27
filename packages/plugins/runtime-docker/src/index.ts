/**
 * Runs pods on a Docker engine of this machine.
 * @packageDocumentation
 */
import { createHash } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { type Claim, OrreryError, Runtimes, claimName, definePlugin, errorMessage, longLived, untilAborted } from '@orrery/core';
import { z } from 'zod';
import { createDockerRuntime } from './docker-runtime.js';
import { USUAL_ID, USUAL_SOCKET } from './options.js';

export { createDockerRuntime } from './docker-runtime.js';
export type { DockerRuntime } from './docker-runtime.js';
export type { DockerPolicy } from './create/policy.js';
export type { DockerRuntimeOptions } from './options.js';

const policy = z.strictObject({
  /** `securityContext.privileged`, and mounts with `Bidirectional` propagation. */
  privileged: z.boolean().optional(),
  hostNetwork: z.boolean().optional(),
  hostPID: z.boolean().optional(),
  hostIPC: z.boolean().optional(),
  /** All devices of the host, or those with these paths. */
  devices: z.union([z.boolean(), z.array(z.string().startsWith('/'))]).optional(),
  /** Seccomp `Unconfined` and proc mount `Unmasked`. */
  unconfined: z.boolean().optional(),
  /** Capabilities beside those that the engine grants to everybody. */
  capabilities: z.array(z.string().min(1)).optional(),
  /** The only directories that may be mounted from. */
  mountRoots: z.array(z.string().startsWith('/')).optional(),
  /** Kernel parameters beside the kubelet's safe ones. */
  sysctls: z.array(z.string().min(1)).optional(),
});

/**
 * Takes a runtime seat with a Docker runtime. When the orchestrator stops, containers run on and are adopted by the next one with the same `id`,
 * unless `onStop` says otherwise.
 */
export const dockerRuntime = definePlugin({
  name: 'runtime-docker',
  core: '^0.1.0',
  options: z
    .strictObject({
      /** The name a pod's runtime class selects. */
      name: z.string().min(1).max(253).default('docker'),
      /** Tells orchestrators on one engine apart. */
      id: z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$/).optional(),
      /** The engine's Unix socket. */
      socketPath: z.string().startsWith('/').optional(),
      /** `bridge`, `none`, or the name of a network of the engine. */
      network: z.string().min(1).optional(),
      /** Image of sandboxes: its name, or a static program that ends at SIGTERM. Default: made here, without a registry. */
      sandboxImage: z.union([z.string().min(1), z.strictObject({ build: z.string().startsWith('/') })]).optional(),
      /** So many images are pulled at once. */
      parallelPulls: z.int().min(1).max(100).optional(),
      /** What pods may ask for beyond their container. */
      policy: policy.optional(),
      /** So many containers are started at once. */
      parallelStarts: z.int().min(1).max(1_000).optional(),
      /** A container's log file is closed and the next begun above this size. */
      logMaxBytes: z.int().min(4_096).optional(),
      /** How many log files of one container are kept. */
      logMaxFiles: z.int().min(2).max(1_000).optional(),
      /** Where `Localhost` seccomp profiles lie. */
      seccompProfileRoot: z.string().startsWith('/').optional(),
      /** A short call that has not answered after so long is given up. */
      callTimeoutMs: z.int().min(100).optional(),
      /** What becomes of containers when the orchestrator stops: `leave` them running, or `destroy` them. */
      onStop: z.enum(['leave', 'destroy']).default('leave'),
    })
    .prefault({}),
  setup({ provideNamed, run, scope, clock, log, options }) {
    const { name, onStop, ...given } = options;
    let claim: Claim | undefined;
    provideNamed(Runtimes, name, () => {
      const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
      const runtime = createDockerRuntime({ name, clock, logger: log, ...set });
      scope.defer(async () => {
        // Without the claim what is there is somebody else's.
        if (onStop === 'destroy' && claim !== undefined) await runtime.destroy(longLived(new AbortController()).signal);
        else await runtime[Symbol.asyncDispose]();
        await claim?.[Symbol.asyncDispose]();
      });
      return runtime;
    });
    run((get) => ({
      name: 'docker runtime',
      phase: 'store',
      // The engine is asked beside everything else. Who needs it waits for it, and hears why it failed.
      async run(signal, ready) {
        claim = await claimEngine(given.socketPath ?? USUAL_SOCKET, given.id ?? USUAL_ID);
        ready();
        await get(Runtimes)
          .get(name)
          ?.ready(signal)
          .catch((error: unknown) => log.warn('the Docker engine is not ready', { error: errorMessage(error) }));
        await untilAborted(signal);
      },
    }));
  },
});

/** Two orchestrators on one engine with one id would each end what the other runs, as belonging to no pod. */
async function claimEngine(socketPath: string, id: string): Promise<Claim> {
  const claim = await claimName(`orrery-docker-${createHash('sha256').update(`${id} ${existsSync(socketPath) ? realpathSync(socketPath) : socketPath}`).digest('hex').slice(0, 32)}`);
  if (claim !== undefined) return claim;
  throw new OrreryError('IN_USE', `Another orchestrator of this machine uses the engine at ${socketPath} with the id "${id}". Stop it, or give one of them another \`id\`.`, { socketPath, id });
}
