import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { DuplexStream } from '@orrery/core';
import { OrreryError, errorMessage } from '@orrery/core';
import type { Engine } from '../engine/engine.js';
import type { Inventory } from '../inventory/inventory.js';
import { writeTo } from './session.js';

/** A connection inside one machine is made or refused at once; a firewall may swallow it. */
const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Connects inside another network namespace and hands the connected socket to its parent. It reads nothing itself: what the server says first is for the caller.
 * Run with `--eval` by this same node, so that nothing is asked of the pod's image.
 */
const HELPER = `
const { connect } = require('node:net');
const port = Number(process.argv[1]);
const dial = ([host, ...others], failure) => {
  if (host === undefined) return process.send({ failure }, () => process.exit(1));
  const socket = connect({ host, port, allowHalfOpen: true });
  socket.pause();
  socket.once('error', (error) => dial(others, failure ?? error.message));
  socket.once('connect', () => { socket.removeAllListeners('error'); socket.on('error', () => {}); process.send({}, socket, { keepOpen: false }, () => process.disconnect()); });
};
dial(process.argv.slice(2));
`;

/**
 * Opens a connection to a port of the pod: to its address where this machine reaches it, else (root only) to its loopback and addresses from inside its network
 * namespace, as `kubectl port-forward` expects of servers that bind only to localhost. Throws `NOT_FOUND`, `UNAVAILABLE` when nobody listens.
 */
export async function openPort(engine: Engine, inventory: Inventory, sandboxId: string, port: number, signal: AbortSignal): Promise<DuplexStream> {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new OrreryError('INVALID', `${port} is no port.`, { port });
  const { facts, identity } = await inventory.sandbox(sandboxId, signal);
  const refused = (why: string, cause?: unknown): OrreryError => new OrreryError('UNAVAILABLE', `Port ${port} of the sandbox ${sandboxId.slice(0, 12)} does not answer: ${why}`, { port }, cause);
  if (facts.state !== 'running') throw refused('the sandbox does not run');
  const direct = identity.sharing.network === 'host' ? ['127.0.0.1', '::1'] : facts.ips;
  let why: unknown = new Error('the pod has no address that this machine reaches');
  for (const host of direct) {
    try {
      return duplexOver(await within(engine, signal, connectTo(host, port)), signal, engine.closed);
    } catch (error) {
      if (signal.aborted || OrreryError.is(error, 'CLOSED')) throw error;
      why = error;
    }
  }
  if (identity.sharing.network === 'host' || process.getuid?.() !== 0) throw refused(errorMessage(why), why);
  try {
    return duplexOver(await within(engine, signal, connectInside(facts.pid, ['127.0.0.1', '::1', ...facts.ips], port)), signal, engine.closed);
  } catch (error) {
    if (signal.aborted || OrreryError.is(error, 'CLOSED')) throw error;
    throw refused(errorMessage(error), error);
  }
}

/** A connection that is being made, and how to give it up. */
interface Attempt {
  readonly socket: Promise<Socket>;
  cancel(): void;
}

function connectTo(host: string, port: number): Attempt {
  const socket = connect({ host, port, allowHalfOpen: true });
  socket.pause();
  return {
    socket: new Promise((resolve, reject) => {
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(socket);
      });
      socket.once('error', reject);
    }),
    cancel: () => void socket.destroy(),
  };
}

function connectInside(pid: number, hosts: readonly string[], port: number): Attempt {
  const child = spawn('nsenter', [`--net=/proc/${pid}/ns/net`, process.execPath, '--no-warnings', '--eval', HELPER, String(port), ...hosts], {
    cwd: '/',
    env: {},
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  return {
    socket: new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`the helper ended with code ${String(code)}`)));
      child.once('message', (message: { readonly failure?: string }, socket) => {
        if (socket === undefined) reject(new Error(message.failure ?? 'refused'));
        else resolve(socket as Socket);
      });
    }),
    cancel: () => void child.kill('SIGKILL'),
  };
}

/** The connected socket, or nothing is left of the attempt. */
async function within(engine: Engine, signal: AbortSignal, attempt: Attempt): Promise<Socket> {
  try {
    return await new Promise<Socket>((resolve, reject) => {
      const cancel = engine.clock.timer(CONNECT_TIMEOUT_MS, () => fail(new Error('no answer')));
      const abort = (): void => fail(new OrreryError('ABORTED', 'The caller stopped waiting.', {}, signal.reason));
      const close = (): void => fail(new OrreryError('CLOSED', 'The runtime is closed.'));
      const leave = (): void => {
        cancel();
        signal.removeEventListener('abort', abort);
        engine.closed.removeEventListener('abort', close);
      };
      const fail = (error: unknown): void => {
        leave();
        reject(error);
      };
      signal.addEventListener('abort', abort, { once: true });
      engine.closed.addEventListener('abort', close, { once: true });
      attempt.socket.then((socket) => {
        leave();
        resolve(socket);
      }, fail);
      if (signal.aborted) abort();
    });
  } catch (error) {
    attempt.socket.then((late) => void late.destroy(), () => undefined);
    attempt.cancel();
    throw error;
  }
}

/** A socket as two byte streams, until one of the signals aborts. */
function duplexOver(socket: Socket, ...signals: readonly AbortSignal[]): DuplexStream {
  socket.allowHalfOpen = true;
  const abort = (): void => void socket.destroy();
  for (const signal of signals) signal.addEventListener('abort', abort, { once: true });
  // The reader gets a failure from the iterator, the writer from its own promise.
  socket.on('error', () => undefined);
  socket.once('close', () => {
    for (const signal of signals) signal.removeEventListener('abort', abort);
  });
  return {
    readable: socket,
    write: (chunk) => writeTo(socket, chunk),
    end: () => void socket.end(),
    async close() {
      if (socket.closed) return;
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.destroy();
      await closed;
    },
  };
}
