/**
 * Runs pods as processes of this machine: no images, no root.
 * @packageDocumentation
 */
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { type Claim, OrreryError, Runtimes, claimName, definePlugin, errorMessage, untilAborted } from '@orrery/core';
import { z } from 'zod';
import { createProcessRuntime } from './host/process-runtime.js';
import type { ProcessRuntime } from './host/process-runtime.js';

export { createProcessRuntime } from './host/process-runtime.js';
export type { ProcessRuntime } from './host/process-runtime.js';
export type { ProcessRuntimeOptions } from './host/options.js';

/**
 * Takes a runtime seat with a process runtime. When the orchestrator stops, containers run on and are adopted by the next one with the same
 * state directory, unless `onStop` says otherwise.
 */
export const processRuntime = definePlugin({
  name: 'runtime-process',
  core: '^0.1.0',
  options: z
    .strictObject({
      /** The name a pod's runtime class selects. */
      name: z.string().min(1).max(253).default('process'),
      /** Tells orchestrators of one user apart. */
      id: z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$/).optional(),
      /** Where records, logs and the helper's socket are kept. */
      stateDir: z.string().min(1).optional(),
      /** Where a container without a `workingDir` works. Default: the host's working directory. */
      workingDir: z.string().startsWith('/').optional(),
      /** The block of 127.0.0.0/8 that pods get their addresses from. */
      podCIDR: z.cidrv4().optional(),
      /** How long the helper stays when nobody is connected and nothing runs. */
      lingerSeconds: z.number().min(0).max(86_400).optional(),
      /** A container's log file is closed and the next begun above this size. */
      logMaxBytes: z.int().min(4_096).optional(),
      /** How many log files of one container are kept. */
      logMaxFiles: z.int().min(2).max(1_000).optional(),
      /** `auto`: limits are enforced where this user may make control groups. */
      cgroups: z.enum(['auto', 'off']).optional(),
      /** What becomes of containers when the orchestrator stops: `leave` them running, or `destroy` them and everything this runtime keeps. */
      onStop: z.enum(['leave', 'destroy']).default('leave'),
    })
    .prefault({}),
  setup({ provideNamed, run, scope, clock, log, options }) {
    const { name, onStop, ...given } = options;
    let claim: Claim | undefined;
    provideNamed(Runtimes, name, () => {
      const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
      const runtime = createProcessRuntime({ name, clock, logger: log, ...set });
      scope.defer(async () => {
        // Without the claim what is there is somebody else's.
        if (onStop === 'destroy' && claim !== undefined) await runtime.destroy(new AbortController().signal);
        else await runtime[Symbol.asyncDispose]();
        await claim?.[Symbol.asyncDispose]();
      });
      return runtime;
    });
    run((get) => ({
      name: 'process runtime',
      phase: 'store',
      // The helper takes a tenth of a second to start; it does so beside everything else. Who needs it waits for it, and hears why it failed.
      async run(signal, ready) {
        claim = await claimState((get(Runtimes).get(name) as ProcessRuntime).stateDir);
        ready();
        await get(Runtimes)
          .get(name)
          ?.ready(signal)
          .catch((error: unknown) => log.debug('the helper is not ready yet', { error: errorMessage(error) }));
        await untilAborted(signal);
      },
    }));
  },
});

/** Two orchestrators with one state directory would each end what the other runs, as belonging to no pod. */
async function claimState(stateDir: string): Promise<Claim> {
  const claim = await claimName(`orrery-process-${createHash('sha256').update(realpathSync(stateDir)).digest('hex').slice(0, 32)}`);
  if (claim !== undefined) return claim;
  throw new OrreryError('IN_USE', `Another orchestrator runs processes with the state directory ${stateDir}. Stop it, or give one of them another \`id\` or \`stateDir\`.`, { stateDir });
}
