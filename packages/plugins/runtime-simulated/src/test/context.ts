import { systemClock, systemRandom } from '@orrery/core';
import type { RuntimeContext } from '@orrery/core/testing';
import type { SimulatedBehaviour } from '../behaviour.js';
import type { SimulatedImagesOptions } from '../images.js';
import { SimulatedMachine } from '../machine.js';
import { createSimulatedRuntime } from '../simulated-runtime.js';

/** A fresh machine for one conformance case. A program is written as its behaviour, in the container's first argument. */
export async function simulatedContext(images?: SimulatedImagesOptions): Promise<RuntimeContext> {
  const machine = new SimulatedMachine({
    clock: systemClock,
    random: systemRandom,
    ...(images !== undefined && { images }),
    behaviour: ({ args: [behaviour] }) => ({ ...(JSON.parse(behaviour ?? '{}') as SimulatedBehaviour), ...IGNORES.get(behaviour ?? ''), exec }),
  });
  const open = (): ReturnType<typeof createSimulatedRuntime> => createSimulatedRuntime({ machine });
  const opened = [open()];
  return {
    runtime: opened[0] as ReturnType<typeof open>,
    reopen: async () => {
      const runtime = open();
      opened.push(runtime);
      return runtime;
    },
    program(program) {
      const written = (behaviour: SimulatedBehaviour) => ({ command: ['simulate'], args: [JSON.stringify(behaviour)] });
      switch (program.kind) {
        case 'exit':
          return written({ exitAfterMs: 1, exitCode: program.code });
        case 'echo':
          return written({ logLines: program.lines.map((line) => ({ ...line, atMs: 0 })), ...(program.then === 'exit' ? { exitAfterMs: 1 } : {}) });
        case 'ignoreTerm':
          return { command: ['simulate'], args: [READY] };
        case 'missing':
          return written({ failStart: 'no such program' });
        case 'sleep':
        case 'shell':
        case 'listen':
          return written({});
      }
    },
    command: (program) => [JSON.stringify(program)],
    leftovers: async () => [...machine.containers().map(({ id }) => id), ...machine.sandboxes().map(({ id }) => id)],
    cleanup: async () => {
      for (const runtime of opened) await runtime[Symbol.asyncDispose]();
      machine.close();
    },
  };
}

const READY = JSON.stringify({ logLines: [{ atMs: 0, stream: 'stdout', line: 'ready' }] });
/** JSON has no infinity. */
const IGNORES = new Map<string, SimulatedBehaviour>([[READY, { stopMs: Infinity }]]);

function exec([command]: readonly string[]) {
  const program = JSON.parse(command ?? '{}') as { readonly kind: string; readonly code?: number; readonly text?: string; readonly problem?: string };
  return { exitCode: program.code ?? 0, stdout: program.text ?? '', stderr: program.problem ?? '' };
}
