import { type Plugin, type Pod } from '@orrery/core';
import { processRuntime } from '@orrery/runtime-process';
import type { Answer } from './requests.js';

/** Where the tour's containers run. */
export interface Place {
  /** For the first line. */
  readonly title: string;
  readonly runtime: Plugin;
  /** Kills the first process of a pod's container with SIGKILL. */
  kill(pod: Pod, answer: Answer): Promise<void>;
  /** What is still there of everything that answered. */
  leftovers(seen: readonly Answer[]): Promise<readonly string[]>;
  /** Takes back what was made for the tour. */
  close(): Promise<void>;
}

/** Containers are processes of this machine: no root, no images. */
export function processes(stateDir: string, workingDir: string): Place {
  return {
    title: 'process runtime',
    runtime: processRuntime({ stateDir, workingDir, onStop: 'destroy' }),
    kill: async (_pod, { pid }) => void process.kill(pid, 'SIGKILL'),
    leftovers: async (seen) => [...new Set(seen.map(({ pid }) => pid))].filter(isAlive).map((pid) => `process ${pid}`),
    close: async () => {},
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
