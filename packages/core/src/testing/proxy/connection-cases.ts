import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { check, type SuiteCase } from '../suite.js';
import { ask, TcpClient } from './clients.js';
import type { ProxyContext } from './context.js';
import { endpoints, PORT, route, World } from './world.js';

const connectionCase = (name: string, body: (world: World, address: string) => Promise<void>): SuiteCase<ProxyContext> => ({
  name,
  run: (context) => World.run(context, (world) => body(world, context.serviceAddress())),
});

const MIB = 2 ** 20;
/** More than all socket buffers on the way can hold; a proxy that keeps this much in memory knows no back-pressure. */
const MUCH = 96 * MIB;
const ACCEPTABLE = 48 * MIB;

/** Bytes that can be told from one another, in pieces. */
const piece = Buffer.from(Uint8Array.from({ length: 65_521 }, (_, i) => (i * 7 + (i >> 8)) & 0xff));

/** What happens on established connections. */
export const connectionCases: readonly SuiteCase<ProxyContext>[] = [
  connectionCase('connections: a removed endpoint gets no new ones, established ones live on', async (world, address) => {
    const backends = await world.backends(['a', 'b']);
    await world.apply([route(address, endpoints(backends))]);
    const first = await world.connect({ address, port: PORT });
    await world.apply([route(address, endpoints(backends.filter(({ name }) => name !== first.name)))]);
    for (let i = 0; i < 20; i += 1) check.that((await ask({ address, port: PORT })) !== first.name, 'a removed endpoint must get no new connection once apply has resolved');
    await first.client.echo('still here');
    await world.apply([route(address, [])]);
    await first.client.echo('still here without any endpoint');
    await world.apply([], [`default/${address}:`]);
    await first.client.echo('still here without the route');
  }),

  connectionCase('connections: many clients at once', async (world, address) => {
    const backends = await world.backends(['a', 'b', 'c']);
    await world.apply([route(address, endpoints(backends))]);
    const clients = await check.within('300 connections', Promise.all(Array.from({ length: 300 }, () => world.connect({ address, port: PORT }))), 20_000);
    await Promise.all(clients.map(({ client }, i) => client.echo(`client ${i}`)));
    check.equal(new Set(clients.map(({ name }) => name)).size, 3, 'all endpoints must be used');
  }),

  connectionCase('connections: no request fails during a rolling replacement', async (world, address) => {
    let current = await world.backends(['v1-a', 'v1-b']);
    await world.apply([route(address, endpoints(current))]);
    let rolling = true;
    const asking = async (): Promise<number> => {
      let answers = 0;
      for (; rolling; answers += 1) await ask({ address, port: PORT });
      return answers;
    };
    const load = Promise.allSettled(Array.from({ length: 4 }, asking));
    const roll = async (): Promise<void> => {
      for (let version = 2; version <= 12; version += 1) {
        const next = await world.backends([`v${version}-a`, `v${version}-b`]);
        await world.apply([route(address, endpoints([...current, ...next]))]);
        await ask({ address, port: PORT });
        await world.apply([route(address, endpoints(next))]);
        for (const backend of current) backend.stopListening();
        current = next;
        await ask({ address, port: PORT });
      }
    };
    await roll().finally(() => (rolling = false));
    const failure = (await load).find((lane) => lane.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
    const answers = (await load).reduce((sum, lane) => sum + (lane.status === 'fulfilled' ? lane.value : 0), 0);
    check.that(answers > 20, `clients must have been answered meanwhile; they were ${answers} times`);
  }),

  connectionCase('connections: half-close passes in both directions', async (world, address) => {
    const sayAfterEnd = (socket: Socket): void => {
      let text = '';
      socket.on('data', (data) => (text += data.toString()));
      socket.on('end', () => socket.end(`got ${text}\n`));
    };
    const [asked] = await world.backends(['asked'], () => sayAfterEnd);
    await world.apply([route(address, endpoints([asked]))]);
    const client = await TcpClient.open({ address, port: PORT });
    world.defer(() => client.close());
    client.socket.end('question');
    check.equal(await client.line(), 'got question', 'after the client has ended its side, the answer must still come');
    check.equal(await client.end(), 'end', 'the connection must end in order');

    const silent = await TcpClient.open({ address, port: PORT });
    world.defer(() => silent.close());
    silent.socket.end();
    check.equal(await silent.line(), 'got ', 'a client that ends its side at once must get its answer, too');

    const heard: string[] = [];
    const [ending] = await world.backends(['ending'], () => (socket: Socket) => {
      socket.end('bye\n');
      socket.on('data', (data) => heard.push(data.toString()));
    });
    await world.apply([route(address, endpoints([ending]))]);
    const other = await TcpClient.open({ address, port: PORT });
    world.defer(() => other.close());
    check.equal(await other.line(), 'bye', 'the backend speaks first');
    check.equal(await other.end(), 'end', 'the backend has ended its side');
    other.socket.end('one more word');
    await check.eventually('what a client sends after the backend ended must arrive', () => heard.join('') === 'one more word');
  }),

  connectionCase('connections: large transfers arrive whole', async (world, address) => {
    const [a] = await world.backends(['a'], () => (socket) => void socket.pipe(socket));
    await world.apply([route(address, endpoints([a]))]);
    const socket = connect({ host: address, port: PORT });
    world.defer(() => socket.destroy());
    const [sent, received] = [createHash('sha256'), createHash('sha256')];
    let bytes = 0;
    const whole = new Promise<void>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('data', (data) => {
        bytes += data.length;
        received.update(data);
      });
      socket.on('end', resolve);
    });
    const sending = async (): Promise<void> => {
      for (let i = 0; i < 500; i += 1) {
        sent.update(piece);
        if (!socket.write(piece)) await new Promise<void>((resolve) => socket.once('drain', resolve));
      }
      socket.end();
    };
    await check.within('a transfer of 32 MB there and back', Promise.all([sending(), whole]), 30_000);
    check.equal(bytes, 500 * piece.length, 'every byte must come back');
    check.equal(received.digest('hex'), sent.digest('hex'), 'the bytes must come back in order');
  }),

  connectionCase('connections: a slow reader slows the sender', async (world, address) => {
    const state = { accepted: 0 };
    const flood = (socket: Socket): void => {
      const more = (): void => {
        for (let flowing = true; flowing && state.accepted < MUCH; ) {
          flowing = socket.write(piece);
          state.accepted += piece.length;
        }
        if (state.accepted >= MUCH) socket.end();
        else socket.once('drain', more);
      };
      more();
    };
    const [a] = await world.backends(['a'], () => flood);
    await world.apply([route(address, endpoints([a]))]);
    const socket = connect({ host: address, port: PORT });
    world.defer(() => socket.destroy());
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    socket.pause();
    let before = -1;
    // The sender stands still when nothing more was accepted between two looks.
    let still = 0;
    await check.eventually('a sender whose reader does not read must come to a stand', () => {
      still = state.accepted === before ? still + 1 : 0;
      before = state.accepted;
      return state.accepted > 0 && still >= 40;
    });
    check.that(state.accepted < ACCEPTABLE, `while the client does not read, the backend may send what the buffers hold; it sent ${Math.round(state.accepted / MIB)} MiB`);
    let bytes = 0;
    const whole = new Promise<void>((resolve, reject) => socket.on('data', (data) => (bytes += data.length)).on('end', resolve).on('error', reject).resume());
    await check.within('the rest, once the client reads', whole, 30_000);
    check.equal(bytes, Math.ceil(MUCH / piece.length) * piece.length, 'every byte must arrive');
  }),

  connectionCase('connections: what breaks on one side is told to the other', async (world, address) => {
    const [a] = await world.backends(['a']);
    await world.apply([route(address, endpoints([a]))]);
    const { client } = await world.connect({ address, port: PORT });
    for (const socket of a.sockets) socket.resetAndDestroy();
    check.equal(await client.end(), 'ECONNRESET', 'a reset by the backend must reach the client as a reset');
    const { client: other } = await world.connect({ address, port: PORT });
    check.equal(a.sockets.size, 1, 'the backend has one connection');
    other.socket.resetAndDestroy();
    await check.eventually('a reset by the client must reach the backend', () => a.sockets.size === 0);
  }),
];
