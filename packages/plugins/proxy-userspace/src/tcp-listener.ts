import { createServer, type Server } from 'node:net';
import type { Listener } from './listener.js';
import type { ListenerPlan } from './plan.js';
import type { RouteState } from './route-state.js';
import type { TcpForwarder } from './tcp-forwarder.js';

/** Connections that the kernel keeps until they are accepted (bounded by net.core.somaxconn). */
const BACKLOG = 4096;

/** Listens for TCP connections to a route. */
export class TcpListener implements Listener {
  readonly #server: Server;
  #state: RouteState;

  constructor(
    private readonly plan: ListenerPlan,
    state: RouteState,
    forwarder: TcpForwarder,
    private readonly troubled: (error: Error) => void,
  ) {
    this.#state = state;
    // Clients from outside may vanish without a word; those of the loopback device cannot.
    const options = { allowHalfOpen: true, noDelay: true, keepAlive: plan.origin === 'external' };
    this.#server = createServer(options, (client) => forwarder.accept(client, this.#state, plan.origin));
  }

  open(): Promise<void> {
    const { address, port } = this.plan;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host: address, port, backlog: BACKLOG, exclusive: true }, () => {
        this.#server.off('error', reject);
        // Accepting may fail later, when file descriptors run out: the next one may succeed.
        this.#server.on('error', this.troubled);
        resolve();
      });
    });
  }

  follow(state: RouteState): void {
    this.#state = state;
  }

  close(): void {
    this.#server.close();
  }
}
