import { realBounds } from '../create/mounts.js';
import type { MountBounds } from '../create/mounts.js';
import { lowestOomScore } from '../create/oom-score.js';
import type { Engine } from '../engine/engine.js';

/** What of the engine decides how containers are made. */
export interface EngineFacts {
  /** Where mounts may lie: never where the engine's socket or data can be reached. */
  readonly bounds: MountBounds;
  readonly lowestOomScore: number;
}

/** Where engines and their parts are reached on a usual machine, beside the socket in use. */
const SOCKETS = ['/var/run/docker.sock', '/run/containerd'];

/** Asks the engine. */
export async function engineFacts(engine: Engine, socketPath: string, mountRoots: readonly string[] | undefined, signal: AbortSignal): Promise<EngineFacts> {
  const info = (await engine.call('ask what the engine is', signal, (docker, abortSignal) => docker.info({ abortSignal } as never) as unknown as Promise<unknown>, { idempotent: true })) as {
    readonly DockerRootDir?: string;
    readonly SecurityOptions?: readonly string[];
  };
  const never = [socketPath, ...SOCKETS, ...(info.DockerRootDir === undefined ? [] : [info.DockerRootDir])];
  const rootless = (info.SecurityOptions ?? []).some((option) => option.includes('rootless'));
  return { bounds: await realBounds({ never, ...(mountRoots === undefined ? {} : { roots: mountRoots }) }), lowestOomScore: await lowestOomScore(rootless) };
}
