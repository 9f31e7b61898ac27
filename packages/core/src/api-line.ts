import { ApiClient } from './client/api-client.js';
import type { RemoteApi } from './contracts/remote-api.js';
import type { Store } from './contracts/store.js';
import type { Transport, UserInfo } from './contracts/transport.js';
import { ObjectLeases } from './control/object-leases.js';
import { untilAborted } from './kernel/abort.js';
import type { Clock } from './kernel/clock.js';
import { OrreryError } from './kernel/errors.js';
import type { Runnable } from './kernel/runnable.js';
import type { KindDefinition } from './model/kind.js';
import type { KubeObject } from './model/object.js';
import type { KindRegistry, ResourceName } from './model/registry.js';
import { ApiServer, type ServerOptions } from './server/server.js';

/** How an orchestrator reaches its API: by a server in the process, or over a line to one elsewhere. */
export interface ApiLine {
  readonly transport: Transport;
  /** The part in the phase `server`. */
  readonly part: Runnable;
  /** Makes a kind known from now on, and serves it where the server is here. */
  addKind<T extends KubeObject>(kind: KindDefinition<T>): Promise<void>;
  /** Makes these the versions of a resource. Throws `UNAVAILABLE` where the server is elsewhere. */
  offer(at: ResourceName, kinds: readonly KindDefinition[]): Promise<void>;
  /** Where leaders are elected, in the given namespace if that is a matter of objects. */
  leases(namespace: string | undefined): Pick<Store, 'acquireLease'>;
  /** Whether others may act on the same cluster, so that one has to be elected unless the assembly says otherwise. */
  readonly isShared: boolean;
  /** How long a leader that is not heard of stays leader by default, milliseconds. */
  readonly leaseMs: number;
  /** See `RemoteApi.silenceMs`. */
  readonly silenceMs?: number;
}

/** client-go's, for a server that may be far away. */
const REMOTE_LEASE_MS = 15_000;
const LOCAL_LEASE_MS = 3_000;

/** The server in this process. */
export function localLine(options: ServerOptions): ApiLine {
  const server = new ApiServer(options);
  return {
    transport: server,
    part: { name: 'api-server', phase: 'server', run: (signal, ready) => server.run(signal, ready) },
    addKind: (kind) => server.addKind(kind),
    offer: (at, kinds) => server.offer(at, kinds),
    leases: () => options.store,
    isShared: options.store.shared === true,
    leaseMs: LOCAL_LEASE_MS,
  };
}

/** What a line to a server elsewhere is made from. */
export interface RemoteLineOptions {
  readonly remote: RemoteApi;
  readonly kinds: KindRegistry;
  readonly clock: Clock;
  readonly user: UserInfo;
  /** Whether anything here acts for the whole cluster. */
  readonly acts: boolean;
}

/** A server elsewhere. Opening and closing the connection is its plugin's part. */
export function remoteLine({ remote, kinds, clock, user, acts }: RemoteLineOptions): ApiLine {
  let isRunning = false;
  return {
    transport: remote,
    part: {
      name: 'api-line',
      phase: 'server',
      run: async (signal, ready) => {
        isRunning = true;
        ready();
        await untilAborted(signal);
      },
    },
    async addKind(kind) {
      kinds.add(kind);
      if (isRunning) kinds.announce(kind as unknown as KindDefinition);
    },
    async offer({ plural }) {
      throw new OrreryError('UNAVAILABLE', `The API is served elsewhere: what ${plural} are is said there.`);
    },
    leases: (namespace) => new ObjectLeases({ client: new ApiClient({ transport: remote, kinds, user, fieldManager: 'orrery' }), clock, ...(namespace !== undefined && { namespace }) }),
    isShared: acts,
    leaseMs: REMOTE_LEASE_MS,
    silenceMs: remote.silenceMs,
  };
}
