import { longLived } from '@orrery/core';
import { engineApi } from '@orrery/engines';
import type { DockerEngine } from '@orrery/engines';
import type { RuntimeContext } from '@orrery/core/testing';
import { createDockerRuntime } from '../docker-runtime.js';
import type { DockerRuntime } from '../docker-runtime.js';
import { LABEL } from '../identity/labels.js';
import type { DockerRuntimeOptions } from '../options.js';

const never = longLived(new AbortController()).signal;

/** The image that cases run, made by the test file before its cases. */
export const IMAGE = 'suite';

let contexts = 0;

/** The first process of a PID namespace hears only the signals it asks for. The word is broken so that a look for sleeping processes finds one, not two. */
const SLEEP = 'trap "exit 143" TERM; e=ee; while :; do sl${e}p 1000 & wait $!; done';

/** A Docker runtime with an identity of its own on a shared engine: nothing of another case is seen or touched. */
export async function dockerContext(engine: DockerEngine, options: DockerRuntimeOptions = {}): Promise<RuntimeContext & { readonly runtime: DockerRuntime; readonly id: string; reopen(): Promise<DockerRuntime> }> {
  const id = `case-${process.pid}-${contexts++}`;
  const open = (): DockerRuntime =>
    createDockerRuntime({ id, socketPath: engine.socketPath, policy: { hostNetwork: true, hostPID: true, hostIPC: true }, ...options });
  const opened = [open()];
  const runtime = opened[0] as DockerRuntime;
  return {
    id,
    runtime,
    reopen: async () => {
      const next = open();
      opened.push(next);
      return next;
    },
    program(program) {
      switch (program.kind) {
        case 'sleep':
          return { command: ['sh', '-c', SLEEP] };
        case 'exit':
          return { command: ['sh', '-c', `exit ${program.code}`] };
        case 'echo':
          return {
            command: ['sh', '-c', `i=0; while [ $i -lt $COUNT ]; do eval "s=\\$STREAM_$i l=\\$LINE_$i"; printf "%s\\n" "$l" >&$s; i=$((i+1)); done; ${program.then === 'sleep' ? SLEEP : 'exit 0'}`],
            env: [
              { name: 'COUNT', value: String(program.lines.length) },
              ...program.lines.flatMap(({ stream, line }, index) => [{ name: `STREAM_${index}`, value: stream === 'stdout' ? '1' : '2' }, { name: `LINE_${index}`, value: line }]),
            ],
          };
        case 'ignoreTerm':
          return { command: ['sh', '-c', 'trap "" TERM; echo ready; while :; do sleep 1000; done'] };
        case 'listen':
          return { command: ['sh', '-c', `nc -ll -p ${program.port} -e cat & while ! grep -q ":${program.port.toString(16).toUpperCase().padStart(4, '0')} 0*:0000 0A" /proc/net/tcp*; do :; done; echo ready; wait`] };
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
    leftovers: () => leftoversOf(engine, id),
    cleanup: async () => {
      for (const each of opened) await each[Symbol.asyncDispose]();
      await open().destroy(never);
    },
  };
}

/** Containers with this identity, and volumes that nothing uses. */
export async function leftoversOf(engine: DockerEngine, id: string): Promise<string[]> {
  const get = async (path: string): Promise<unknown> => JSON.parse((await engineApi(engine.socketPath, 'GET', path)).text);
  const filters = encodeURIComponent(JSON.stringify({ label: [`${LABEL.owner}=${id}`] }));
  const containers = (await get(`/containers/json?all=1&filters=${filters}`)) as readonly { readonly Names: readonly string[] }[];
  return containers.map(({ Names }) => `container ${Names.join(' ')}`);
}
