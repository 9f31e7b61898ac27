import type { ContainerConfig, PodIdentity, Random } from '@orrery/core';

/** One line that a simulated container writes. */
export interface SimulatedLine {
  /** Milliseconds after it runs. */
  readonly atMs: number;
  readonly stream: 'stdout' | 'stderr';
  readonly line: string;
}

/** What a simulated command says and how it ends. */
export interface SimulatedExec {
  readonly exitCode: number;
  readonly stdout?: string;
  readonly stderr?: string;
  /** Milliseconds until it ends. Default 0. */
  readonly afterMs?: number;
}

/** How one container behaves. Everything absent is harmless: starts at once, is ready at once, runs for ever, ends at once when asked to. */
export interface SimulatedBehaviour {
  /** `createContainer` fails with `INVALID` and these words. */
  readonly failCreate?: string;
  /** `startContainer` fails with `INVALID` and these words; the status tells `StartError`, exit code 128. */
  readonly failStart?: string;
  /** Milliseconds between being started and running. Default 0. */
  readonly startDelayMs?: number;
  /** Ends by itself so many milliseconds after it runs. Default: never. */
  readonly exitAfterMs?: number;
  /** With which code it ends by itself. Default 0. */
  readonly exitCode?: number;
  /** Ends by itself killed for memory: exit code 137, reason `OOMKilled`. */
  readonly oomKilled?: boolean;
  /** Ends by itself without anybody having seen how: it is told as `unknown` until it is stopped, and then as `ContainerStatusUnknown`, exit code 137. */
  readonly exitLost?: boolean;
  /** Passes readiness and startup probes from so many milliseconds after it runs. Default 0; `Infinity`: never. */
  readonly readyAfterMs?: number;
  /** Fails readiness probes again from so many milliseconds after it runs. Default: never. */
  readonly unreadyAfterMs?: number;
  /** Fails liveness probes from so many milliseconds after it runs. Default: never. */
  readonly unhealthyAfterMs?: number;
  /** Milliseconds between being asked to end and ending. Default 0; `Infinity`: it must be killed. */
  readonly stopMs?: number;
  /** With which code it ends when asked to. Default 143, as one that does not handle SIGTERM. */
  readonly stopExitCode?: number;
  readonly logLines?: readonly SimulatedLine[];
  /** Answers a command run inside it. Default: every command succeeds and says nothing. */
  readonly exec?: (command: readonly string[]) => SimulatedExec;
  /** Cores it uses while it runs. Default 0.01. */
  readonly cpuCores?: number;
  /** Bytes of memory it uses while it runs. Default 16 MiB. */
  readonly memoryBytes?: number;
}

/** Decides how a container behaves. Called once for each container, when it is created; chance comes only from `random`. */
export type BehaviourOf = (config: ContainerConfig, pod: PodIdentity, random: Random) => SimulatedBehaviour;
