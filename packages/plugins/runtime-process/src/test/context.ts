import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RuntimeContext } from '@orrery/core/testing';
import { processesByMarker } from '../helper/proc.js';
import { createProcessRuntime } from '../host/process-runtime.js';
import type { ProcessRuntime } from '../host/process-runtime.js';
import type { ProcessRuntimeOptions } from '../host/options.js';

const never = new AbortController().signal;

/** A fresh directory below the system's temporary one. */
export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'orrery-process-'));
}

/** What is left of containers: their files, their processes. */
export function leftoversOf(stateDir: string, ids?: ReadonlySet<string>): string[] {
  const containers = join(stateDir, 'containers');
  const files = existsSync(containers) ? readdirSync(containers).map((name) => `directory ${name}`) : [];
  const processes = [...processesByMarker()].filter(([id]) => ids === undefined || ids.has(id)).map(([id, pids]) => `processes ${pids.join(' ')} of ${id}`);
  return [...files, ...processes];
}

/** A fresh process runtime for one conformance case. */
export async function processContext(options: ProcessRuntimeOptions = {}): Promise<RuntimeContext & { readonly runtime: ProcessRuntime }> {
  const parent = temporaryDirectory();
  const stateDir = join(parent, 'state');
  const seen = new Set<string>();
  const open = (): ProcessRuntime => createProcessRuntime({ stateDir, lingerSeconds: 5, ...options });
  const opened = [open()];
  const runtime = opened[0] as ProcessRuntime;
  const create = runtime.createContainer.bind(runtime);
  runtime.createContainer = async (...args) => {
    const id = await create(...args);
    seen.add(id);
    return id;
  };
  return {
    runtime,
    reopen: async () => {
      const next = open();
      opened.push(next);
      return next;
    },
    program(program) {
      switch (program.kind) {
        case 'sleep':
          return { command: ['sleep', '1000'] };
        case 'exit':
          return { command: ['sh', '-c', `exit ${program.code}`] };
        case 'echo':
          return {
            command: ['sh', '-c', 'i=0; while [ $i -lt $COUNT ]; do eval "s=\\$STREAM_$i l=\\$LINE_$i"; printf "%s\\n" "$l" >&$s; i=$((i+1)); done; eval "$THEN"'],
            env: [
              { name: 'COUNT', value: String(program.lines.length) },
              { name: 'THEN', value: program.then === 'sleep' ? 'exec sleep 1000' : 'exit 0' },
              ...program.lines.flatMap(({ stream, line }, index) => [{ name: `STREAM_${index}`, value: stream === 'stdout' ? '1' : '2' }, { name: `LINE_${index}`, value: line }]),
            ],
          };
        case 'ignoreTerm':
          return { command: ['sh', '-c', 'trap "" TERM; echo ready; while :; do sleep 1000; done'] };
        case 'listen':
          return {
            command: [process.execPath, '-e', `require('net').createServer({ allowHalfOpen: true }, (s) => s.pipe(s)).listen(${program.port}, '${program.address}', () => console.log('ready'))`],
          };
        case 'shell':
          return { command: ['sh', '-c', program.script] };
        case 'missing':
          return { command: ['/no/such/program'] };
      }
    },
    command(program) {
      switch (program.kind) {
        case 'exit':
          return ['sh', '-c', `exit ${program.code}`];
        case 'echo':
          return ['sh', '-c', 'echo "$1"; echo "$2" >&2', 'sh', program.text, program.problem];
        case 'cat':
          return ['cat'];
        case 'shell':
          return ['sh', '-c', program.script];
      }
    },
    leftovers: async () => leftoversOf(stateDir, seen),
    cleanup: async () => {
      for (const each of opened) await each[Symbol.asyncDispose]();
      await open().destroy(never);
      rmSync(parent, { recursive: true, force: true });
    },
  };
}
