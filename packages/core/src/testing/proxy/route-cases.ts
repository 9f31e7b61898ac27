import { createServer } from 'node:net';
import { systemClock } from '../../kernel/platform.js';
import { check, type SuiteCase } from '../suite.js';
import { ask, askTimes, refused } from './clients.js';
import type { ProxyContext } from './context.js';
import { endpoint, endpoints, PORT, route, World } from './world.js';

const proxyCase = (name: string, body: (world: World, address: string) => Promise<void>, needs?: (context: ProxyContext) => boolean): SuiteCase<ProxyContext> => ({
  name,
  run: (context) => World.run(context, (world) => body(world, context.serviceAddress())),
  ...(needs && { needs }),
});

/** What becomes of a delta. */
export const routeCases: readonly SuiteCase<ProxyContext>[] = [
  proxyCase('routes: in force when apply resolves', async (world, address) => {
    const [a] = await world.backends(['a']);
    for (let i = 0; i < 5; i += 1) {
      const another = world.context.serviceAddress();
      await world.apply([route(another, endpoints([a]))]);
      check.equal(await ask({ address: another, port: PORT }), 'a', 'a client must reach the backend');
    }
    await world.apply([route(address, endpoints([a]))]);
    check.equal(world.context.proxy.programmed(), { revision: world.revision, routes: 6 }, 'programmed() must tell revision and routes in force');
  }),

  proxyCase('routes: all ready endpoints are reached, evenly', async (world, address) => {
    const backends = await world.backends(['a', 'b', 'c']);
    await world.apply([route(address, endpoints(backends))]);
    const counts = await askTimes({ address, port: PORT }, 300);
    for (const { name } of backends) {
      const count = counts.get(name) ?? 0;
      // Five standard deviations of a random choice.
      check.that(count > 60 && count < 140, `each of three endpoints must get about 100 of 300 connections; ${name} got ${count}`);
    }
  }),

  proxyCase('routes: endpoints that are not ready get nothing', async (world, address) => {
    const [a, b] = await world.backends(['a', 'b']);
    await world.apply([route(address, [endpoint(a), endpoint(b, { ready: false, serving: false })])]);
    check.equal([...(await askTimes({ address, port: PORT }, 20)).keys()], ['a'], 'only the ready endpoint may be reached');
  }),

  proxyCase('routes: terminating endpoints serve only while none is ready', async (world, address) => {
    const [a, b] = await world.backends(['a', 'b']);
    const leaving = endpoint(b, { ready: false, serving: true, terminating: true });
    await world.apply([route(address, [endpoint(a), leaving])]);
    check.equal([...(await askTimes({ address, port: PORT }, 20)).keys()], ['a'], 'only the ready endpoint may be reached while there is one');
    await world.apply([route(address, [endpoint(a, { ready: false, serving: false }), leaving])]);
    check.equal([...(await askTimes({ address, port: PORT }, 20)).keys()], ['b'], 'when none is ready, one that terminates and still serves must be reached');
  }),

  proxyCase('routes: without endpoints connections are refused', async (world, address) => {
    const [a] = await world.backends(['a']);
    await world.apply([route(address, [])]);
    await refused({ address, port: PORT }, 'without endpoints');
    await world.apply([route(address, endpoints([a]))]);
    check.equal(await ask({ address, port: PORT }), 'a', 'the first endpoint must be reached');
    await world.apply([route(address, [endpoint(a, { ready: false, serving: false })])]);
    await refused({ address, port: PORT }, 'when no endpoint is ready any more');
    await world.apply([route(address, endpoints([a]))]);
    check.equal(await ask({ address, port: PORT }), 'a', 'an endpoint that came back must be reached');
  }),

  proxyCase('routes: the list of endpoints is replaced as a whole', async (world, address) => {
    const [a, b, c] = await world.backends(['a', 'b', 'c']);
    await world.apply([route(address, endpoints([a, b]))]);
    await world.apply([route(address, endpoints([b, c]))]);
    check.equal([...(await askTimes({ address, port: PORT }, 60)).keys()].sort(), ['b', 'c'], 'exactly the endpoints of the newest list must be reached');
  }),

  proxyCase('routes: a removed one is closed', async (world, address) => {
    const [a] = await world.backends(['a']);
    const other = world.context.serviceAddress();
    await world.apply([route(address, endpoints([a])), route(other, endpoints([a]))]);
    await world.apply([], [`default/${address}:`]);
    await refused({ address, port: PORT }, 'after its route was removed');
    check.equal(await ask({ address: other, port: PORT }), 'a', 'other routes must stay');
    check.equal(world.context.proxy.programmed().routes, 1, 'programmed() must count the routes that are left');
  }),

  proxyCase('routes: a changed port moves', async (world, address) => {
    const [a] = await world.backends(['a']);
    await world.apply([route(address, endpoints([a]))]);
    await world.apply([route(address, endpoints([a]), { port: PORT + 1 })]);
    check.equal(await ask({ address, port: PORT + 1 }), 'a', 'the new port must be open');
    await refused({ address, port: PORT }, 'after the port changed');
  }),

  proxyCase('routes: an address may pass from one route to another in one delta', async (world, address) => {
    const [a, b] = await world.backends(['a', 'b']);
    await world.apply([route(address, endpoints([a]))]);
    await world.apply([route(address, endpoints([b]), { id: 'default/heir:' })], [`default/${address}:`]);
    check.equal(await ask({ address, port: PORT }), 'b', 'the heir must be reached');
  }),

  proxyCase('routes: two services with the same port do not mix', async (world, address) => {
    const [a, b] = await world.backends(['a', 'b']);
    const other = world.context.serviceAddress();
    await world.apply([route(address, endpoints([a])), route(other, endpoints([b]))]);
    check.equal([...(await askTimes({ address, port: PORT }, 10)).keys()], ['a'], 'the first service has its own endpoints');
    check.equal([...(await askTimes({ address: other, port: PORT }, 10)).keys()], ['b'], 'the second service has its own endpoints');
  }),

  proxyCase('routes: a delta that is given again changes nothing', async (world, address) => {
    const [a] = await world.backends(['a']);
    const same = route(address, endpoints([a]));
    await world.apply([same]);
    const { client } = await world.connect({ address, port: PORT });
    await world.apply([same], ['default/unknown:']);
    await world.apply([]);
    await client.echo('still here');
    check.equal(await ask({ address, port: PORT }), 'a', 'a client must reach the backend');
    check.equal(world.context.proxy.programmed(), { revision: 3, routes: 1 }, 'programmed() must tell revision and routes in force');
  }),

  proxyCase(
    'routes: local policy leaves out the endpoints of other nodes',
    async (world, address) => {
      const [a, b] = await world.backends(['a', 'b']);
      const to = [endpoint(a, { nodeName: world.context.nodeName ?? '' }), endpoint(b, { nodeName: 'another' })];
      await world.apply([route(address, to, { internalTrafficPolicy: 'Local' })]);
      check.equal([...(await askTimes({ address, port: PORT }, 20)).keys()], ['a'], 'only the endpoint of this node may be reached');
      await world.apply([route(address, to.slice(1), { internalTrafficPolicy: 'Local' })]);
      await refused({ address, port: PORT }, 'without an endpoint of this node');
    },
    ({ nodeName }) => nodeName !== undefined,
  ),

  proxyCase(
    'routes: a node port leads to the service',
    async (world, address) => {
      const [a] = await world.backends(['a']);
      const node = world.context.nodePort?.() ?? { address: '', port: 0 };
      await world.apply([route(address, endpoints([a]), { nodePort: node.port })]);
      check.equal(await ask(node), 'a', 'the node port must be open');
      check.equal(await ask({ address, port: PORT }), 'a', 'so must the cluster address');
      await world.apply([route(address, endpoints([a]))]);
      await refused(node, 'after the node port was given up');
    },
    ({ nodePort }) => nodePort !== undefined,
  ),

  proxyCase('affinity: a client stays with its endpoint', async (world, address) => {
    const backends = await world.backends(['a', 'b', 'c']);
    await world.apply([route(address, endpoints(backends), { sessionAffinity: { type: 'ClientIP', timeoutSeconds: 10_800 } })]);
    const seen = new Set<string>();
    for (let i = 1; i <= 12; i += 1) {
      const names = [...(await askTimes({ address, port: PORT, from: `127.0.0.${10 + i}` }, 5)).keys()];
      check.equal(names.length, 1, `a client must stay with its endpoint; it was sent to ${names.join(' and ')}`);
      seen.add(names[0] ?? '');
    }
    check.that(seen.size > 1, 'different clients must be spread over the endpoints');
  }),

  proxyCase('affinity: ends after its time', async (world, address) => {
    const backends = await world.backends(['a', 'b', 'c', 'd']);
    await world.apply([route(address, endpoints(backends), { sessionAffinity: { type: 'ClientIP', timeoutSeconds: 1 } })]);
    const seen = new Set<string>();
    for (let i = 0; i < 8 && seen.size < 2; i += 1) {
      seen.add(await ask({ address, port: PORT }));
      if (world.context.advance !== undefined) world.context.advance(1_100);
      else await systemClock.sleep(1_100, new AbortController().signal);
    }
    check.that(seen.size > 1, 'after the affinity time a client must be sent to any endpoint again');
  }),

  proxyCase('affinity: a client moves when its endpoint is gone', async (world, address) => {
    const backends = await world.backends(['a', 'b', 'c']);
    const sessionAffinity = { type: 'ClientIP', timeoutSeconds: 10_800 } as const;
    await world.apply([route(address, endpoints(backends), { sessionAffinity })]);
    const first = await ask({ address, port: PORT });
    await world.apply([route(address, endpoints(backends.filter(({ name }) => name !== first)), { sessionAffinity })]);
    const next = [...(await askTimes({ address, port: PORT }, 10)).keys()];
    check.that(next.length === 1 && next[0] !== first, `the client must move to one other endpoint; it went from ${first} to ${next.join(' and ')}`);
  }),

  proxyCase(
    'failures: what cannot be programmed is thrown and does not harm the others',
    async (world, address) => {
      const [a] = await world.backends(['a']);
      const taken = world.context.serviceAddress();
      const squatter = createServer((socket) => socket.destroy());
      await new Promise<void>((resolve) => squatter.listen(PORT, taken, resolve));
      world.defer(() => squatter.close());
      const routes = [route(taken, endpoints([a])), route(address, endpoints([a]))];
      await check.rejects('UNAVAILABLE', world.apply(routes), 'an address in use must be reported');
      check.equal(await ask({ address, port: PORT }), 'a', 'the other route must be in force');
      await new Promise<void>((resolve) => squatter.close(() => resolve()));
      await world.apply(routes);
      check.equal(await ask({ address: taken, port: PORT }), 'a', 'given again, the route must come into force');
    },
    ({ listens }) => listens,
  ),

  proxyCase(
    'failures: an unsupported protocol is reported and does not harm the others',
    async (world, address) => {
      const [a] = await world.backends(['a']);
      const strange = route(world.context.serviceAddress(), endpoints([a]), { protocol: 'SCTP' });
      await check.rejects('UNSUPPORTED', world.apply([strange, route(address, endpoints([a]))]), 'an unsupported protocol must be reported');
      check.equal(await ask({ address, port: PORT }), 'a', 'the other route must be in force');
    },
    ({ protocols }) => !protocols.includes('SCTP'),
  ),

  proxyCase(
    'life: the first delta replaces what a former life left',
    async (world, address) => {
      const [a] = await world.backends(['a']);
      const kept = world.context.serviceAddress();
      await world.apply([route(address, endpoints([a])), route(kept, endpoints([a]))]);
      const successor = await world.context.successor?.();
      const after = world.with(check.present(successor, 'a context that claims a successor must give one'));
      await after.apply([route(kept, endpoints([a]))]);
      await refused({ address, port: PORT }, 'when the first delta does not hold its route');
      check.equal(await ask({ address: kept, port: PORT }), 'a', 'what the first delta holds must be in force');
    },
    ({ successor }) => successor !== undefined,
  ),

  proxyCase('life: close leaves nothing, and may be called twice', async (world, address) => {
    const { proxy } = world.context;
    const [a] = await world.backends(['a']);
    await world.apply([route(address, endpoints([a]))]);
    const { client } = await world.connect({ address, port: PORT });
    const closing = proxy.close();
    await check.within('close', Promise.all([closing, proxy.close()]), 30_000);
    await refused({ address, port: PORT }, 'after close');
    check.that((await client.end()) !== '', 'what was established must have ended');
    check.equal(proxy.programmed().routes, 0, 'nothing is programmed after close');
  }),

  proxyCase('life: apply after close is refused', async (world, address) => {
    const [a] = await world.backends(['a']);
    await world.context.proxy.close();
    await check.rejects('CLOSED', world.apply([route(address, endpoints([a]))]), 'apply after close must be refused');
    await refused({ address, port: PORT }, 'after close');
  }),
];
