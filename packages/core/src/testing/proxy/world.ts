import type { Proxy, RouteEndpoint, ServicePortRoute } from '../../contracts/proxy.js';
import { greeter, TcpBackend, UdpBackend, type Behaviour } from './backends.js';
import { type Target, TcpClient, UdpClient } from './clients.js';
import type { ProxyContext } from './context.js';

/** Port of the services of the suite. */
export const PORT = 8_080;

type Backend = Pick<TcpBackend, 'name' | 'port'>;

/** What one case makes; everything is ended when it is done. */
export class World {
  readonly #undo: (() => void)[] = [];
  #revision = 0;

  constructor(
    readonly context: ProxyContext,
    private readonly proxy: Proxy = context.proxy,
  ) {}

  /** Runs a case and ends what it made, however it goes. */
  static async run(context: ProxyContext, body: (world: World) => Promise<void>): Promise<void> {
    const world = new World(context);
    try {
      await body(world);
    } finally {
      for (const undo of world.#undo.reverse()) undo();
    }
  }

  /** The same case with another proxy, whose first delta comes next. */
  with(proxy: Proxy): World {
    return new World(this.context, proxy);
  }

  /** The revision given last. */
  get revision(): number {
    return this.#revision;
  }

  /** TCP backends of these names; greeters, if nothing else is said. */
  async backends<const Names extends readonly string[]>(names: Names, behaviour: (name: string) => Behaviour = greeter): Promise<{ [I in keyof Names]: TcpBackend }> {
    const open = (name: string): Promise<TcpBackend> => {
      const backend = new TcpBackend(name, behaviour(name));
      this.#undo.push(() => backend.close());
      return backend.open();
    };
    return (await Promise.all(names.map(open))) as { [I in keyof Names]: TcpBackend };
  }

  /** UDP backends of these names. */
  async udpBackends<const Names extends readonly string[]>(names: Names): Promise<{ [I in keyof Names]: UdpBackend }> {
    const open = (name: string): Promise<UdpBackend> => {
      const backend = new UdpBackend(name);
      this.#undo.push(() => backend.close());
      return backend.open();
    };
    return (await Promise.all(names.map(open))) as { [I in keyof Names]: UdpBackend };
  }

  /** An open connection, greeted by the backend whose name it gives. */
  async connect(target: Target): Promise<{ readonly client: TcpClient; readonly name: string }> {
    const client = await TcpClient.open(target);
    this.#undo.push(() => client.close());
    return { client, name: await client.line() };
  }

  /** A UDP client. */
  async udpClient(target: Target): Promise<UdpClient> {
    const client = await UdpClient.open(target);
    this.#undo.push(() => client.close());
    return client;
  }

  /** Ends something with the case. */
  defer(undo: () => void): void {
    this.#undo.push(undo);
  }

  /** Gives the proxy its next delta. */
  async apply(upserts: readonly ServicePortRoute[], removes: readonly string[] = []): Promise<void> {
    this.#revision += 1;
    await this.proxy.apply({ upserts, removes, revision: this.#revision }, new AbortController().signal);
  }
}

/** An endpoint at a backend; ready, if nothing else is said. */
export const endpoint = ({ port }: Backend, more: Partial<RouteEndpoint> = {}): RouteEndpoint => ({ ip: '127.0.0.1', port, ready: true, serving: true, terminating: false, ...more });

/** Endpoints at backends, all ready. */
export const endpoints = (backends: readonly Backend[]): RouteEndpoint[] => backends.map((backend) => endpoint(backend));

/** A route with Kubernetes' defaults. */
export function route(address: string, to: readonly RouteEndpoint[], more: Partial<ServicePortRoute> = {}): ServicePortRoute {
  return {
    id: `default/${address}:`,
    service: { namespace: 'default', name: 'suite', uid: 'suite' },
    portName: '',
    protocol: 'TCP',
    clusterIPs: [address],
    port: PORT,
    externalIPs: [],
    loadBalancerIPs: [],
    sessionAffinity: { type: 'None' },
    internalTrafficPolicy: 'Cluster',
    externalTrafficPolicy: 'Cluster',
    endpoints: to,
    ...more,
  };
}
