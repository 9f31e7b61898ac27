import { readFile } from 'node:fs/promises';

/** capabilities(7) */
const CAP_SYS_RESOURCE = 24n;
const LOWEST = -1_000;

/**
 * The lowest oom_score_adj that an engine on this machine can give. Lowering it below one's own takes CAP_SYS_RESOURCE, which a rootless engine does not have, nor
 * one on a machine (a container, a confined virtual machine) where nobody has it: every container with a lower one would fail to start. As containerd's
 * `restrict_oom_score_adj`. Where /proc tells nothing there is no bound.
 */
export async function lowestOomScore(rootless: boolean): Promise<number> {
  try {
    const [status, own] = await Promise.all([readFile('/proc/self/status', 'utf8'), readFile('/proc/self/oom_score_adj', 'utf8')]);
    return lowestOomScoreOf(status, own, rootless);
  } catch {
    // Another system, or no /proc: the engine is asked for what the pod asks for.
    return LOWEST;
  }
}

/** The rule on what /proc tells of this process. The bounding set is what it shares with the engine: nobody below the same parent can have more. */
export function lowestOomScoreOf(status: string, ownScore: string, rootless: boolean): number {
  const bounding = /^CapBnd:\s*([0-9a-f]{1,16})$/m.exec(status)?.[1];
  const granted = bounding === undefined || ((BigInt(`0x${bounding}`) >> CAP_SYS_RESOURCE) & 1n) === 1n;
  const own = Number.parseInt(ownScore, 10);
  return (granted && !rootless) || Number.isNaN(own) ? LOWEST : own;
}
