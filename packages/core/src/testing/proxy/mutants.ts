import type { Proxy, RouteDelta, RouteEndpoint, ServicePortRoute } from '../../contracts/proxy.js';
import { OrreryError } from '../../kernel/errors.js';
import { systemClock } from '../../kernel/platform.js';
import type { RelayFarm } from './relays.js';

/** A deliberately broken proxy. */
export interface ProxyMutant {
  readonly name: string;
  /** A case that must fail on it. */
  readonly caughtBy: string;
  /** Breaks an honest proxy. What it opens, the farm closes. */
  wrap(proxy: Proxy, farm: RelayFarm): Proxy;
}

type Apply = (delta: RouteDelta, honest: (delta: RouteDelta) => Promise<void>) => Promise<void>;

/** An honest proxy with some methods replaced. */
function wrapped(proxy: Proxy, broken: Partial<Proxy>): Proxy {
  const honest: Proxy = {
    name: proxy.name,
    apply: (delta, signal) => proxy.apply(delta, signal),
    programmed: () => proxy.programmed(),
    close: () => proxy.close(),
    [Symbol.asyncDispose]: () => proxy.close(),
  };
  return { ...honest, ...broken };
}

const applying = (apply: () => Apply) => (proxy: Proxy) => {
  const broken = apply();
  return wrapped(proxy, { apply: (delta, signal) => broken(delta, (next) => proxy.apply(next, signal)) });
};

/** Changes every route on its way in. */
const altered = (alter: (route: ServicePortRoute) => ServicePortRoute) => applying(() => (delta, honest) => honest({ ...delta, upserts: delta.upserts.map(alter) }));

/** Changes every endpoint that is there to be used. */
const alteredEndpoints = (alter: (endpoint: RouteEndpoint) => RouteEndpoint) => altered((route) => ({ ...route, endpoints: route.endpoints.map(alter) }));

/** Sends TCP through a relay of its own that misbehaves. */
const relayed = (behaviour: Parameters<RelayFarm['relay']>[1]) => (proxy: Proxy, farm: RelayFarm) =>
  applying(() => async (delta, honest) => {
    const through = async (route: ServicePortRoute): Promise<ServicePortRoute> =>
      route.protocol === 'TCP' ? { ...route, endpoints: await Promise.all(route.endpoints.map((endpoint) => farm.relay(endpoint, behaviour))) } : route;
    await honest({ ...delta, upserts: await Promise.all(delta.upserts.map(through)) });
  })(proxy);

/** Each must be caught by the named case; together they show that the suite bites. */
export const proxyMutants: readonly ProxyMutant[] = [
  {
    name: 'resolves before it has programmed',
    caughtBy: 'routes: in force when apply resolves',
    wrap: applying(() => {
      let last: Promise<unknown> = Promise.resolve();
      return async (delta, honest) => {
        last = last.then(() => systemClock.sleep(30, new AbortController().signal)).then(() => honest(delta)).catch((error: unknown) => error);
      };
    }),
  },
  {
    name: 'does not say what is programmed',
    caughtBy: 'routes: in force when apply resolves',
    wrap: (proxy) => wrapped(proxy, { programmed: () => ({ revision: 0, routes: 0 }) }),
  },
  {
    name: 'prefers the first endpoint',
    caughtBy: 'routes: all ready endpoints are reached, evenly',
    wrap: (proxy, farm) =>
      applying(() => async (delta, honest) => {
        const upserts = await Promise.all(
          delta.upserts.map(async (route) => {
            const [first] = route.endpoints;
            const more = first === undefined ? [] : await Promise.all(Array.from({ length: 5 }, () => farm.relay(first, 'honest')));
            return { ...route, endpoints: [...route.endpoints, ...more] };
          }),
        );
        await honest({ ...delta, upserts });
      })(proxy),
  },
  { name: 'sends to endpoints that are not ready', caughtBy: 'routes: endpoints that are not ready get nothing', wrap: alteredEndpoints((endpoint) => ({ ...endpoint, ready: true, terminating: false })) },
  { name: 'knows no terminating endpoints', caughtBy: 'routes: terminating endpoints serve only while none is ready', wrap: alteredEndpoints((endpoint) => ({ ...endpoint, serving: endpoint.serving && !endpoint.terminating })) },
  { name: 'accepts and hangs up without endpoints', caughtBy: 'routes: without endpoints connections are refused', wrap: (proxy, farm) =>
    applying(() => async (delta, honest) => {
      const nowhere = await farm.relay({ ip: '127.0.0.1', port: 1, ready: true, serving: true, terminating: false }, 'hangs up');
      await honest({ ...delta, upserts: delta.upserts.map((route) => (route.endpoints.some(({ ready }) => ready) ? route : { ...route, endpoints: [nowhere] })) });
    })(proxy) },
  {
    name: 'adds to the list of endpoints',
    caughtBy: 'routes: the list of endpoints is replaced as a whole',
    wrap: applying(() => {
      const known = new Map<string, readonly RouteEndpoint[]>();
      return (delta, honest) => {
        const upserts = delta.upserts.map((route) => ({ ...route, endpoints: [...(known.get(route.id) ?? []), ...route.endpoints] }));
        for (const route of upserts) known.set(route.id, route.endpoints);
        return honest({ ...delta, upserts });
      };
    }),
  },
  { name: 'forgets removes', caughtBy: 'routes: a removed one is closed', wrap: applying(() => (delta, honest) => honest({ ...delta, removes: [] })) },
  {
    name: 'leaves the former port open',
    caughtBy: 'routes: a changed port moves',
    wrap: applying(() => {
      const known = new Map<string, ServicePortRoute>();
      return (delta, honest) => {
        const left = delta.upserts.flatMap((route) => {
          const before = known.get(route.id);
          known.set(route.id, route);
          return before !== undefined && before.port !== route.port ? [{ ...before, id: `${before.id}former` }] : [];
        });
        return honest({ ...delta, upserts: [...delta.upserts, ...left] });
      };
    }),
  },
  {
    name: 'opens before it closes',
    caughtBy: 'routes: an address may pass from one route to another in one delta',
    wrap: applying(() => async (delta, honest) => {
      await honest({ ...delta, removes: [] });
      await honest({ ...delta, upserts: [] });
    }),
  },
  {
    name: 'mixes services with the same port',
    caughtBy: 'routes: two services with the same port do not mix',
    wrap: altered((() => {
      const byPort = new Map<number, readonly RouteEndpoint[]>();
      return (route: ServicePortRoute) => {
        const endpoints = byPort.get(route.port) ?? route.endpoints;
        byPort.set(route.port, endpoints);
        return { ...route, endpoints };
      };
    })()),
  },
  {
    name: 'refuses what it knows already',
    caughtBy: 'routes: a delta that is given again changes nothing',
    wrap: applying(() => {
      const known = new Set<string>();
      return (delta, honest) => {
        for (const { id } of delta.upserts) {
          if (known.has(id)) throw new OrreryError('ALREADY_EXISTS', id);
          known.add(id);
        }
        return honest(delta);
      };
    }),
  },
  { name: 'ignores local policies', caughtBy: 'routes: local policy leaves out the endpoints of other nodes', wrap: altered((route) => ({ ...route, internalTrafficPolicy: 'Cluster' })) },
  { name: 'ignores node ports', caughtBy: 'routes: a node port leads to the service', wrap: altered(({ nodePort: _none, ...route }) => route) },
  { name: 'ignores affinity', caughtBy: 'affinity: a client stays with its endpoint', wrap: altered((route) => ({ ...route, sessionAffinity: { type: 'None' } })) },
  {
    name: 'never ends affinity',
    caughtBy: 'affinity: ends after its time',
    wrap: altered((route) => (route.sessionAffinity.type === 'None' ? route : { ...route, sessionAffinity: { type: 'ClientIP', timeoutSeconds: 86_400 } })),
  },
  {
    name: 'keeps affinity to what is gone',
    caughtBy: 'affinity: a client moves when its endpoint is gone',
    wrap: altered((() => {
      const first = new Map<string, readonly RouteEndpoint[]>();
      return (route: ServicePortRoute) => {
        const endpoints = first.get(route.id) ?? route.endpoints;
        first.set(route.id, endpoints);
        return { ...route, endpoints };
      };
    })()),
  },
  {
    name: 'stops at the first failure',
    caughtBy: 'failures: an unsupported protocol is reported and does not harm the others',
    wrap: applying(() => async (delta, honest) => {
      if (delta.upserts.some(({ protocol }) => protocol === 'SCTP')) throw new OrreryError('UNSUPPORTED', 'SCTP');
      await honest(delta);
    }),
  },
  {
    name: 'keeps failures to itself',
    caughtBy: 'failures: what cannot be programmed is thrown and does not harm the others',
    wrap: applying(() => async (delta, honest) => void (await honest(delta).catch((error: unknown) => error))),
  },
  { name: 'is not closed by close', caughtBy: 'life: close leaves nothing, and may be called twice', wrap: (proxy) => wrapped(proxy, { close: async () => {} }) },
  {
    name: 'takes deltas after close and drops them',
    caughtBy: 'life: apply after close is refused',
    wrap: applying(() => (delta, honest) =>
      honest(delta).catch((error: unknown) => {
        if (!OrreryError.is(error, 'CLOSED')) throw error;
      })),
  },
  {
    name: 'cuts established connections when endpoints change',
    caughtBy: 'connections: a removed endpoint gets no new ones, established ones live on',
    wrap: (proxy, farm) => {
      const through = relayed('honest')(proxy, farm);
      return wrapped(through, {
        apply: async (delta, signal) => {
          farm.cut();
          await through.apply(delta, signal);
        },
      });
    },
  },
  { name: 'serves a hundred clients and no more', caughtBy: 'connections: many clients at once', wrap: relayed('crowded') },
  {
    name: 'closes while it programs',
    caughtBy: 'connections: no request fails during a rolling replacement',
    wrap: applying(() => async (delta, honest) => {
      await honest({ ...delta, upserts: [], removes: [...delta.removes, ...delta.upserts.map(({ id }) => id)] });
      await systemClock.sleep(5, new AbortController().signal);
      await honest(delta);
    }),
  },
  { name: 'ends both sides when one ends', caughtBy: 'connections: half-close passes in both directions', wrap: relayed('no half-close') },
  { name: 'loses the end of what is long', caughtBy: 'connections: large transfers arrive whole', wrap: relayed('truncates') },
  { name: 'knows no back-pressure', caughtBy: 'connections: a slow reader slows the sender', wrap: relayed('no back-pressure') },
  { name: 'keeps a break to itself', caughtBy: 'connections: what breaks on one side is told to the other', wrap: relayed('silent breaks') },
  { name: 'carries no datagrams', caughtBy: 'udp: clients are answered and spread over the endpoints', wrap: applying(() => (delta, honest) => honest({ ...delta, upserts: delta.upserts.filter(({ protocol }) => protocol !== 'UDP') })) },
  {
    name: 'sends each datagram elsewhere',
    caughtBy: 'udp: a client stays with its endpoint',
    wrap: (proxy, farm) =>
      applying(() => async (delta, honest) => {
        const upserts = await Promise.all(delta.upserts.map(async (route) => (route.protocol === 'UDP' ? { ...route, endpoints: [await farm.scatter(route.endpoints)] } : route)));
        await honest({ ...delta, upserts });
      })(proxy),
  },
  {
    name: 'never changes a UDP route',
    caughtBy: 'udp: a client moves when its endpoint may get no more',
    wrap: applying(() => {
      const known = new Set<string>();
      return (delta, honest) => {
        const upserts = delta.upserts.filter(({ id, protocol }) => protocol !== 'UDP' || !known.has(id));
        for (const { id } of upserts) known.add(id);
        return honest({ ...delta, upserts });
      };
    }),
  },
  {
    name: 'leaves a UDP route without endpoints as it was',
    caughtBy: 'udp: without endpoints nobody answers',
    wrap: applying(() => (delta, honest) => honest({ ...delta, upserts: delta.upserts.filter(({ protocol, endpoints }) => protocol !== 'UDP' || endpoints.length > 0) })),
  },
  {
    name: 'takes one port for one protocol',
    caughtBy: 'udp: shares address and port with tcp',
    wrap: applying(() => (delta, honest) => {
      const seen = new Set<string>();
      return honest({ ...delta, upserts: delta.upserts.filter(({ clusterIPs, port }) => !seen.has(`${clusterIPs[0]} ${port}`) && seen.add(`${clusterIPs[0]} ${port}`)) });
    }),
  },
];
