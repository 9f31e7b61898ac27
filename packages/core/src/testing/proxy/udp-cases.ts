import { check, type SuiteCase } from '../suite.js';
import { ask } from './clients.js';
import type { ProxyContext } from './context.js';
import { endpoint, endpoints, PORT, route, World } from './world.js';

const udpCase = (name: string, body: (world: World, address: string) => Promise<void>): SuiteCase<ProxyContext> => ({
  name,
  needs: ({ protocols }) => protocols.includes('UDP'),
  run: (context) => World.run(context, (world) => body(world, context.serviceAddress())),
});

const UDP = { protocol: 'UDP' } as const;

/** Datagrams. */
export const udpCases: readonly SuiteCase<ProxyContext>[] = [
  udpCase('udp: clients are answered and spread over the endpoints', async (world, address) => {
    const backends = await world.udpBackends(['a', 'b', 'c']);
    await world.apply([route(address, endpoints(backends), UDP)]);
    const seen = new Set<string>();
    for (let i = 0; i < 30; i += 1) seen.add(await (await world.udpClient({ address, port: PORT })).name());
    check.equal([...seen].sort(), ['a', 'b', 'c'], 'all endpoints must be used');
  }),

  udpCase('udp: a client stays with its endpoint', async (world, address) => {
    const backends = await world.udpBackends(['a', 'b', 'c']);
    await world.apply([route(address, endpoints(backends), UDP)]);
    const client = await world.udpClient({ address, port: PORT });
    const first = await client.name();
    for (let i = 0; i < 10; i += 1) check.equal(await client.name(), first, 'datagrams of one client must go to one endpoint');
  }),

  udpCase('udp: a client moves when its endpoint may get no more', async (world, address) => {
    const backends = await world.udpBackends(['a', 'b']);
    await world.apply([route(address, endpoints(backends), UDP)]);
    const client = await world.udpClient({ address, port: PORT });
    const first = await client.name();
    const to = backends.map((backend) => endpoint(backend, backend.name === first ? { ready: false, serving: false } : {}));
    await world.apply([route(address, to, UDP)]);
    check.that((await client.name()) !== first, 'after its endpoint became unready the client must be answered by the other');
  }),

  udpCase('udp: without endpoints nobody answers', async (world, address) => {
    const [a] = await world.udpBackends(['a']);
    await world.apply([route(address, endpoints([a]), UDP)]);
    const client = await world.udpClient({ address, port: PORT });
    check.equal(await client.name(), 'a', 'the endpoint must answer');
    await world.apply([route(address, [], UDP)]);
    const answer = await client.ask();
    check.that(answer === undefined || answer === 'ECONNREFUSED', `without endpoints there must be silence or a refusal, not ${answer}`);
  }),

  udpCase('udp: shares address and port with tcp', async (world, address) => {
    const [a] = await world.udpBackends(['a']);
    const [b] = await world.backends(['b']);
    await world.apply([route(address, endpoints([a]), { ...UDP, id: 'default/both:udp' }), route(address, endpoints([b]), { id: 'default/both:tcp' })]);
    check.equal(await (await world.udpClient({ address, port: PORT })).name(), 'a', 'datagrams must go to the UDP endpoint');
    check.equal(await ask({ address, port: PORT }), 'b', 'connections must go to the TCP endpoint');
  }),
];
