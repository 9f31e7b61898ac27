import { chmodSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { ContainerConfig, ContainerResources, RuntimeEvent, SandboxConfig } from '@orrery/core';
import { FRAME, FrameReader, PROTOCOL_VERSION, encodeJson, parseJson } from '../shared/protocol.js';
import type { Operation, RequestMessage } from '../shared/protocol.js';
import type { FrameHandler } from './exec.js';
import { attachTo, execIn } from './exec.js';
import { HelperFailure, messageOf, toWire } from './failure.js';
import type { Machine } from './machine.js';

/** A hint that a slow subscriber does not read is dropped with its connection above this; it connects again and lists. */
const MAX_EVENT_BACKLOG_BYTES = 4 * 1024 * 1024;

/** What the server tells its owner. */
export interface ServerEvents {
  /** Somebody came or went. */
  connections(count: number): void;
  /** Everything has been removed on request; the helper is to end once the answer is out. */
  destroyed(): void;
  complain(message: string): void;
}

/** Answers hosts on a Unix socket. Who may connect is decided by the directory the socket is in. */
export class HelperServer {
  readonly #connections = new Set<Socket>();
  readonly #subscribers = new Set<Socket>();
  #server: Server | undefined;

  constructor(readonly machine: Machine, readonly socketPath: string, readonly events: ServerEvents) {}

  /** Resolves when hosts can connect. The caller holds the lock, so whatever lies at the path is stale. */
  listen(): Promise<void> {
    rmSync(this.socketPath, { force: true });
    const server = createServer((socket) => this.#serve(socket));
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.socketPath, () => {
        chmodSync(this.socketPath, 0o600);
        resolve();
      });
    });
  }

  /** Tells all subscribers. */
  announce(event: RuntimeEvent): void {
    if (this.#subscribers.size === 0) return;
    const frame = encodeJson({ event });
    for (const socket of this.#subscribers) {
      if (socket.writableLength > MAX_EVENT_BACKLOG_BYTES) socket.destroy();
      else socket.write(frame);
    }
  }

  /** Stops listening and takes the door away, so that nobody connects to a helper that leaves. */
  close(): void {
    this.#server?.close();
    rmSync(this.socketPath, { force: true });
  }

  #serve(socket: Socket): void {
    const reader = new FrameReader();
    let session: FrameHandler | undefined;
    this.#connections.add(socket);
    this.events.connections(this.#connections.size);
    socket.on('error', (error) => this.events.complain(`A connection failed: ${error.message}`));
    socket.once('close', () => {
      this.#connections.delete(socket);
      this.#subscribers.delete(socket);
      this.events.connections(this.#connections.size);
    });
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const frame of reader.push(chunk)) {
          if (session !== undefined) session(frame);
          else if (frame.type === FRAME.json) void this.#answer(socket, readRequest(frame.payload), (handler) => (session = handler));
          else throw new RangeError(`A frame of type ${frame.type} came outside a session.`);
        }
      } catch (error) {
        this.events.complain(`A connection sent what cannot be understood: ${messageOf(error)}`);
        socket.destroy();
      }
    });
  }

  async #answer(socket: Socket, request: RequestMessage, enter: (session: FrameHandler) => void): Promise<void> {
    try {
      const value = await this.#perform(request.op, request.args as Record<string, never>, socket, enter);
      // Only the process's end closes this connection then, so the host knows that it is gone.
      socket.write(encodeJson({ id: request.id, value: value ?? {} }), request.op === 'destroy' ? () => this.events.destroyed() : undefined);
    } catch (error) {
      if (!(error instanceof HelperFailure)) this.events.complain(`${request.op} failed: ${messageOf(error)}`);
      socket.write(encodeJson({ id: request.id, error: toWire(error) }));
    }
  }

  async #perform(op: Operation, args: Record<string, unknown>, socket: Socket, enter: (session: FrameHandler) => void): Promise<unknown> {
    const id = (): string => text(args, 'id');
    switch (op) {
      case 'hello':
        if (args['version'] !== PROTOCOL_VERSION) throw new HelperFailure('UNSUPPORTED', `The helper speaks version ${PROTOCOL_VERSION}, the host ${String(args['version'])}.`);
        return { version: PROTOCOL_VERSION, pid: process.pid, podCIDR: this.machine.addresses.range.cidr };
      case 'subscribe':
        return void this.#subscribers.add(socket);
      case 'runSandbox':
        return this.machine.runSandbox(object<SandboxConfig>(args, 'config'));
      case 'stopSandbox':
        return this.machine.stopSandbox(id());
      case 'removeSandbox':
        return this.machine.removeSandbox(id());
      case 'listSandboxes':
        return this.machine.listSandboxes(args['podUid'] === undefined ? undefined : text(args, 'podUid'));
      case 'createContainer':
        return this.machine.createContainer(text(args, 'sandboxId'), object<ContainerConfig>(args, 'config'));
      case 'startContainer':
        return this.machine.startContainer(id());
      case 'stopContainer':
        return this.machine.find(id())?.stop(Number(args['graceMs']) || 0);
      case 'updateContainer':
        return this.machine.container(id()).update(object<ContainerResources>(args, 'resources'));
      case 'removeContainer':
        return this.machine.removeContainer(id());
      case 'containerStatus':
        return this.machine.containerStatus(id());
      case 'listContainers':
        return this.machine.listContainers(args['sandboxId'] as string | undefined);
      case 'stats':
        return this.machine.stats();
      case 'exec':
        return void enter(await execIn(this.machine.container(id()), object<readonly string[]>(args, 'command'), args['stdin'] === true, socket));
      case 'attach':
        return void enter(attachTo(this.machine.container(id()), args['stdin'] === true, socket));
      case 'destroy':
        return this.machine.destroy();
      default:
        throw new HelperFailure('UNSUPPORTED', `The helper knows no operation "${String(op)}".`);
    }
  }
}

function readRequest(payload: Buffer): RequestMessage {
  const message = parseJson(payload.toString('utf8')) as Partial<RequestMessage> | null;
  if (typeof message?.id !== 'number' || typeof message.op !== 'string' || typeof message.args !== 'object' || message.args === null) {
    throw new SyntaxError('A request must have an id, an op and args.');
  }
  return message as RequestMessage;
}

function text(args: Record<string, unknown>, name: string): string {
  const value = args[name];
  if (typeof value !== 'string') throw new HelperFailure('INVALID', `"${name}" must be a string.`);
  return value;
}

function object<T extends object>(args: Record<string, unknown>, name: string): T {
  const value = args[name];
  if (typeof value !== 'object' || value === null) throw new HelperFailure('INVALID', `"${name}" must be an object.`);
  return value as T;
}
