import type { ContainerConfig, LogEntry, Runtime, RuntimeCapabilities, RuntimeContainerStatus, SandboxConfig, SandboxStatus } from '../../contracts/runtime.js';
import { longLived } from '../../kernel/abort.js';
import type { SuiteCase, SuiteContext } from '../suite.js';
import { check } from '../suite.js';

/** What a case wants a container to do; the context says how that is written for its runtime. */
export type RuntimeProgram =
  /** Runs until it is asked to end, and then ends by the signal. */
  | { readonly kind: 'sleep' }
  /** Ends at once with this code. */
  | { readonly kind: 'exit'; readonly code: number }
  /** Writes these lines, each to the stream it names, and then ends with 0 or runs on. */
  | { readonly kind: 'echo'; readonly lines: readonly { readonly stream: 'stdout' | 'stderr'; readonly line: string }[]; readonly then: 'exit' | 'sleep' }
  /** Runs until it is killed, whatever it is asked. Writes `ready` once it ignores being asked. */
  | { readonly kind: 'ignoreTerm' }
  /** Answers every connection to this port of the pod's address (the first of `ips`) with what it receives. Writes `ready` once it listens. */
  | { readonly kind: 'listen'; readonly port: number; readonly address: string }
  /** Runs a script of the POSIX shell. Only asked of runtimes with `realProcesses`; the usual small tools (cat, id, sleep, stty) must be there. */
  | { readonly kind: 'shell'; readonly script: string }
  /** A program that cannot be started. */
  | { readonly kind: 'missing' };

/** What a case wants to run inside a container. */
export type ExecProgram =
  | { readonly kind: 'exit'; readonly code: number }
  /** Writes the text to standard output and `problem` to standard error. */
  | { readonly kind: 'echo'; readonly text: string; readonly problem: string }
  /** Copies its standard input to its standard output. Only asked of runtimes with `realProcesses`. */
  | { readonly kind: 'cat' }
  /** As for programs. */
  | { readonly kind: 'shell'; readonly script: string };

/** One runtime on one engine that nothing else uses, fresh for each case. */
export interface RuntimeContext extends SuiteContext {
  readonly runtime: Runtime;
  /**
   * Opens another runtime on the same engine, as a restarted host would. The case closes the first one or leaves it.
   * Needed when `survivesRestart` is claimed. The context's cleanup closes it.
   */
  reopen?(): Promise<Runtime>;
  /** How a container is made to do this. Anything of the config may be set; `command` must be. */
  program(program: RuntimeProgram): Partial<ContainerConfig> & Pick<ContainerConfig, 'command'>;
  /** How a command does this. */
  command(program: ExecProgram): readonly string[];
  /** What of past containers and sandboxes is still there on the machine: processes, files, addresses, groups. Empty when nothing is. */
  leftovers(): Promise<readonly string[]>;
}

/** A case of the runtime suite. */
export type RuntimeCase = SuiteCase<RuntimeContext>;

/** Stops a case from waiting for ever if the runner does not. */
export const never: AbortSignal = longLived(new AbortController()).signal;

/** A case that runs only where the capability is claimed. */
export function claims(...capabilities: readonly (keyof RuntimeCapabilities)[]): (context: RuntimeContext) => boolean {
  return ({ runtime }) => capabilities.every((capability) => runtime.capabilities[capability]);
}

/** A sandbox's config, told apart by the pod's name. */
export function sandboxConfig(name: string, over: Partial<SandboxConfig> = {}): SandboxConfig {
  return {
    pod: { namespace: 'suite', name, uid: `uid-${name}` },
    attempt: 0,
    hostname: name,
    labels: { 'io.kubernetes.pod.name': name },
    annotations: {},
    hostNetwork: false,
    hostPorts: [],
    ...over,
  };
}

/** A container's config for a program. */
export function containerConfig(context: RuntimeContext, program: RuntimeProgram, over: Partial<ContainerConfig> = {}): ContainerConfig {
  return {
    name: 'main',
    attempt: 0,
    image: 'suite',
    args: [],
    env: [],
    mounts: [],
    resources: {},
    stdin: false,
    tty: false,
    labels: {},
    annotations: {},
    security: {},
    ...context.program(program),
    ...over,
  };
}

/** Makes a sandbox, and in it a container that has been started. */
export async function startPod(context: RuntimeContext, name: string, program: RuntimeProgram, over: Partial<ContainerConfig> = {}): Promise<{ readonly sandbox: SandboxStatus; readonly id: string }> {
  const sandbox = await context.runtime.runSandbox(sandboxConfig(name), never);
  const id = await context.runtime.createContainer(sandbox.id, containerConfig(context, program, over), never);
  await context.runtime.startContainer(id, never);
  return { sandbox, id };
}

/** Waits until the container has ended. */
export function exited(runtime: Runtime, id: string): Promise<RuntimeContainerStatus> {
  return check.eventually(`container ${id} has exited`, async () => {
    const status = await runtime.containerStatus(id, never);
    return status.state === 'exited' && status;
  });
}

/** Runs a shell script in a container; resolves with what it wrote and its exit code. */
export async function shell(context: RuntimeContext, id: string, script: string): Promise<{ readonly out: string; readonly err: string; readonly code: number }> {
  const session = await context.runtime.exec(id, { command: context.command({ kind: 'shell', script }), tty: false, stdin: false }, never);
  const [out, err, code] = await check.within(`the script ends: ${script}`, Promise.all([text(session.stdout), text(session.stderr), session.exitCode]));
  return { out: out.trim(), err: err.trim(), code };
}

/** Waits until the program has said `ready`. */
export async function saidReady(runtime: Runtime, id: string): Promise<void> {
  await check.eventually(`container ${id} says "ready"`, async () => (await collect(runtime.logs(id, {}, never))).some(({ line }) => line === 'ready'));
}

/** All that an iterable gives. */
export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
}

/** A stream's bytes as text. */
export async function text(source: AsyncIterable<Uint8Array>): Promise<string> {
  return Buffer.concat(await collect(source)).toString('utf8');
}

/** The lines of one stream. */
export function linesOf(entries: readonly LogEntry[], stream?: 'stdout' | 'stderr'): string[] {
  return entries.filter((entry) => stream === undefined || entry.stream === stream).map(({ line }) => line);
}
