import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';

/** What a server process is asked to serve: the API alone, with a scheduler and so many nodes, or what the platform does alone. */
export type Mode = readonly ['objects'] | readonly ['cluster', nodes: string] | readonly ['floor'];

interface Access {
  readonly port: number;
  readonly ca: string;
  readonly key: string;
  readonly cert: string;
}

/** A server in a process of its own, and a client of it in this one. */
export class ApiProcess {
  readonly #agent: Agent;

  private constructor(
    private readonly child: ChildProcess,
    private readonly access: Access,
    connections: number,
  ) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections, ...access });
  }

  static async start(mode: Mode, connections = 32): Promise<ApiProcess> {
    const child = fork(new URL('./server-child.js', import.meta.url), [...mode], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const [access] = (await once(child, 'message')) as [Access];
    return new ApiProcess(child, access, connections);
  }

  /** One request over a kept connection; resolves with the whole body. Throws for a code of 400 or more. */
  ask(method: string, path: string, body?: string): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port: this.access.port, method, path, agent: this.#agent, ...(body !== undefined && { headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } }) }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject).on('end', () => {
          const text = Buffer.concat(chunks);
          if ((answer.statusCode ?? 500) >= 400) reject(new Error(`${method} ${path}: ${answer.statusCode} ${text.toString().slice(0, 300)}`));
          else resolve(text);
        });
      });
      asked.on('error', reject).end(body);
    });
  }

  /** Opens a watch on a connection of its own. */
  async watch(path: string): Promise<IncomingMessage> {
    const { ca, key, cert, port } = this.access;
    const asked = request({ host: '127.0.0.1', port, path, agent: false, ca, key, cert });
    asked.end();
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    return answer;
  }

  /** MiB of the server process: the most it ever had, and what it has now. */
  async memory(): Promise<{ readonly peakMiB: number; readonly rssMiB: number }> {
    this.child.send('memory');
    const [answer] = (await once(this.child, 'message')) as [{ peakMiB: number; rssMiB: number }];
    return answer;
  }

  async stop(): Promise<void> {
    this.#agent.destroy();
    const ended = once(this.child, 'exit');
    this.child.disconnect();
    await ended;
  }
}

/** Does something so many times, so many at once; resolves with how long each took, in milliseconds. */
export async function many(count: number, atOnce: number, work: (i: number) => Promise<unknown>): Promise<readonly number[]> {
  const took: number[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < count; i = next++) {
      const began = performance.now();
      await work(i);
      took.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return took;
}
