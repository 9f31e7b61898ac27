import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';
import { errorMessage } from '../../kernel/errors.js';
import { check, ConformanceFailure } from '../suite.js';

/** Where a client connects. */
export interface Target {
  readonly address: string;
  readonly port: number;
  /** The client's own address; default: the kernel's choice. */
  readonly from?: string;
}

const show = ({ address, port }: Target): string => `${address}:${port}`;

/** An open connection to a greeter. */
export class TcpClient {
  #received = '';
  #wake = (): void => {};
  /** Why it ended: the error's code, or `end` for an orderly end. Undefined while it is open. */
  ended: string | undefined;

  private constructor(readonly socket: Socket) {
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#note(() => (this.#received += text)));
    socket.on('end', () => this.#note(() => (this.ended ??= 'end')));
    socket.on('error', (error: NodeJS.ErrnoException) => this.#note(() => (this.ended ??= error.code ?? error.message)));
    socket.on('close', () => this.#note(() => (this.ended ??= 'end')));
  }

  /** Connects. Rejects with the platform's error. */
  static async open({ address, port, from }: Target): Promise<TcpClient> {
    const socket = connect({ host: address, port, allowHalfOpen: true, ...(from !== undefined && { localAddress: from }) });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve();
      });
    });
    return new TcpClient(socket);
  }

  /** The next line. */
  async line(): Promise<string> {
    await this.#until(() => this.#received.includes('\n'), 'a line from the backend');
    const end = this.#received.indexOf('\n');
    const line = this.#received.slice(0, end);
    this.#received = this.#received.slice(end + 1);
    return line;
  }

  /** Sends a line and expects it back. */
  async echo(text: string): Promise<void> {
    this.socket.write(`${text}\n`);
    check.equal(await this.line(), text, 'an echo server must give back what it got');
  }

  /** Resolves with how it ended. */
  async end(): Promise<string> {
    await this.#until(() => this.ended !== undefined, 'the end of the connection', true);
    return this.ended ?? '';
  }

  /** Ends it. */
  close(): void {
    this.socket.destroy();
  }

  #note(change: () => void): void {
    change();
    this.#wake();
  }

  async #until(condition: () => boolean, what: string, alsoEnded = false): Promise<void> {
    const waiting = async (): Promise<void> => {
      while (!condition()) {
        if (!alsoEnded && this.ended !== undefined) throw new ConformanceFailure(`${what} was expected, but the connection ended (${this.ended})`);
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    };
    await check.within(what, waiting(), 5_000);
  }
}

/** One connection: the name of the backend that answered. Throws in words when none did. */
export async function ask(target: Target): Promise<string> {
  try {
    const client = await check.within(`a connection to ${show(target)}`, TcpClient.open(target));
    const name = await client.line();
    client.close();
    return name;
  } catch (error) {
    throw new ConformanceFailure(`a client of ${show(target)} must be answered: ${errorMessage(error)}`);
  }
}

/** How often each backend answered, over so many connections. */
export async function askTimes(target: Target, times: number): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (let i = 0; i < times; i += 1) {
    const name = await ask(target);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** Throws unless connections are refused, as by a port where nobody listens. */
export async function refused(target: Target, when: string): Promise<void> {
  let outcome: string;
  try {
    const client = await check.within(`an answer of the kernel at ${show(target)}`, TcpClient.open(target));
    client.close();
    outcome = 'was accepted';
  } catch (error) {
    outcome = (error as NodeJS.ErrnoException).code ?? errorMessage(error);
  }
  check.equal(outcome, 'ECONNREFUSED', `${when}, a connection to ${show(target)} must be refused`);
}

/** A UDP client with a port of its own. */
export class UdpClient {
  readonly #socket: UdpSocket = createSocket('udp4');
  #heard: ((text: string) => void) | undefined;
  #count = 0;

  /** Connects the socket, so that the kernel reports closed ports. */
  static async open({ address, port }: Target): Promise<UdpClient> {
    const client = new UdpClient();
    client.#socket.on('message', (data) => client.#heard?.(data.toString()));
    client.#socket.on('error', (error: NodeJS.ErrnoException) => client.#heard?.(error.code ?? error.message));
    await new Promise<void>((resolve) => client.#socket.connect(port, address, () => resolve()));
    return client;
  }

  /** Sends one datagram; resolves with the name of the backend that gave it back, or with the code of a failure, or undefined after a while of silence. */
  ask(patienceMs = 1_000): Promise<string | undefined> {
    const text = `datagram ${(this.#count += 1)}`;
    const answer = new Promise<string>((resolve) => {
      this.#heard = (heard) => {
        if (heard.endsWith(` ${text}`)) resolve(heard.slice(0, -text.length - 1));
        else if (heard.startsWith('E')) resolve(heard);
      };
    });
    this.#socket.send(text);
    return check.within('an answer', answer, patienceMs).catch(() => undefined /* silence is an answer, too */);
  }

  /** Asks again until a backend answers: datagrams may be lost. */
  async name(): Promise<string> {
    for (let i = 0; i < 5; i += 1) {
      const answer = await this.ask();
      if (answer !== undefined && !answer.startsWith('E')) return answer;
    }
    throw new ConformanceFailure('a UDP client must be answered');
  }

  /** Ends it. */
  close(): void {
    this.#socket.close();
  }
}
