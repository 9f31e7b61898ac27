import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { accessSync, closeSync, constants, openSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import type { ContainerConfig } from '@orrery/core';
import { HelperFailure, errno, messageOf, tolerate } from './failure.js';
import { MARKER } from './proc.js';

/** How a process ended, as Node tells it. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A started process. */
export interface Launched {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly stdin: Writable | undefined;
}

/** What to start. Everything has been decided: nothing here is interpreted by a shell. */
export interface Program {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: boolean;
  readonly uid?: number;
  readonly gid?: number;
  /** Named pipes for its output; absent: plain pipes. */
  readonly streams?: { readonly stdout: string; readonly stderr: string };
}

/**
 * The environment of a container: what the machine gives every program (where the programs and the home directory are, as an image would),
 * then what the agent decided, then how to find the container's files and processes.
 */
export function environmentOf(containerId: string, rootfs: string, config: ContainerConfig, machine: NodeJS.ProcessEnv): Record<string, string> {
  const base = Object.fromEntries(['PATH', 'HOME'].flatMap((name) => (machine[name] === undefined ? [] : [[name, machine[name]]])));
  const own = Object.fromEntries(config.env.map(({ name, value }) => [name, value]));
  return { ...base, ...own, ORRERY_ROOTFS: rootfs, [MARKER]: containerId };
}

/**
 * Starts a program in a session and process group of its own. Throws `INVALID` in the system's words when that is impossible.
 * Synchronous up to the point where the process runs.
 */
export function launch(program: Program): Launched {
  const [file, ...args] = program.argv;
  if (file === undefined || file === '') throw new HelperFailure('INVALID', 'There is no command to run.');
  if (program.uid !== undefined && process.getuid?.() !== 0 && program.uid !== process.getuid?.()) {
    throw new HelperFailure('INVALID', `Cannot run as user ${program.uid}: this orchestrator is not root.`);
  }
  requireDirectory(program.cwd);
  const streams = program.streams === undefined ? undefined : openStreams(program.streams);
  let child: ChildProcess;
  try {
    child = spawn(file, args, {
      cwd: program.cwd,
      env: program.env as NodeJS.ProcessEnv,
      detached: true,
      stdio: [program.stdin ? 'pipe' : 'ignore', streams?.childStdout ?? 'pipe', streams?.childStderr ?? 'pipe'],
      ...(program.uid === undefined ? {} : { uid: program.uid }),
      ...(program.gid === undefined ? {} : { gid: program.gid }),
    });
  } catch (error) {
    streams?.closeChildEnds();
    streams?.closeOwnEnds();
    throw new HelperFailure('INVALID', `Cannot start ${file}: ${messageOf(error)}`);
  }
  streams?.closeChildEnds();
  // `spawn` has tried by now: without a process id it failed, and says why in an event that must not stay unheard.
  const exited = new Promise<Exit>((resolve) => {
    child.once('error', () => resolve({ code: null, signal: null }));
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  if (child.pid === undefined) {
    streams?.closeOwnEnds();
    throw new LaunchError(file, child);
  }
  const stdout = streams?.stdout() ?? (child.stdout as Readable);
  const stderr = streams?.stderr() ?? (child.stderr as Readable);
  if (child.stdin !== null) child.stdin.on('error', ignoreBrokenPipe);
  return { pid: child.pid, exited, stdout, stderr, stdin: child.stdin ?? undefined };
}

/** The program could not be started; {@link LaunchError.reason} waits for the system's word on why. */
export class LaunchError extends Error {
  readonly reason: Promise<HelperFailure>;

  constructor(file: string, child: ChildProcess) {
    super(`Cannot start ${file}.`);
    this.reason = new Promise((resolve) => {
      child.once('error', (error) => {
        const why = errno(error) === 'ENOENT' ? 'no such program' : errno(error) === 'EACCES' ? 'permission denied' : messageOf(error);
        resolve(new HelperFailure('INVALID', `exec: "${file}": ${why}`));
      });
    });
  }
}

/** Reads a container's named pipe (again). Ends when no process holds its other side. */
export function openForReading(path: string): Readable {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return new Socket({ fd, readable: true, writable: false });
}

/** Asks the kernel to prefer or spare this process when memory runs out. Only root may lower the value; being refused costs only the preference. */
export function setOomScore(pid: number, value: number): void {
  tolerate(['EACCES', 'EPERM', 'ENOENT', 'ESRCH'], () => writeFileSync(`/proc/${pid}/oom_score_adj`, String(value)));
}

/**
 * The child's ends are opened for reading and writing: the child itself then keeps the pipe alive, so that it neither gets SIGPIPE
 * nor loses what it wrote when the helper dies, and the next helper opens the pipe again.
 */
function openStreams(paths: { readonly stdout: string; readonly stderr: string }) {
  const fds: number[] = [];
  const open = (path: string, flags: number): number => {
    const fd = openSync(path, flags);
    fds.push(fd);
    return fd;
  };
  try {
    const readStdout = open(paths.stdout, constants.O_RDONLY | constants.O_NONBLOCK);
    const readStderr = open(paths.stderr, constants.O_RDONLY | constants.O_NONBLOCK);
    const childStdout = open(paths.stdout, constants.O_RDWR);
    const childStderr = open(paths.stderr, constants.O_RDWR);
    return {
      childStdout,
      childStderr,
      closeChildEnds: (): void => [childStdout, childStderr].forEach((fd) => closeSync(fd)),
      closeOwnEnds: (): void => [readStdout, readStderr].forEach((fd) => closeSync(fd)),
      stdout: (): Readable => new Socket({ fd: readStdout, readable: true, writable: false }),
      stderr: (): Readable => new Socket({ fd: readStderr, readable: true, writable: false }),
    };
  } catch (error) {
    fds.forEach((fd) => closeSync(fd));
    throw error;
  }
}

/** The system says `ENOENT` for a missing program and for a missing directory alike; this tells them apart. */
function requireDirectory(path: string): void {
  try {
    accessSync(path, constants.X_OK);
  } catch (error) {
    throw new HelperFailure('INVALID', `The working directory ${path} cannot be entered: ${messageOf(error)}`);
  }
}

/** A program may end or close its input before it has read everything; that is its right. */
function ignoreBrokenPipe(error: Error): void {
  if (!['EPIPE', 'ECONNRESET', 'ERR_STREAM_DESTROYED'].includes(errno(error) ?? '')) throw error;
}
