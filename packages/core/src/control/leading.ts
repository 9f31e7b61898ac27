import { ApiClient } from '../client/api-client.js';
import type { Client } from '../contracts/client.js';
import { type Instruments, noInstruments } from '../contracts/instruments.js';
import type { Store } from '../contracts/store.js';
import type { Transport, UserInfo } from '../contracts/transport.js';
import type { Clock, Random } from '../kernel/clock.js';
import { OrreryError } from '../kernel/errors.js';
import type { Logger } from '../kernel/logger.js';
import type { Runnable } from '../kernel/runnable.js';
import type { KindRegistry } from '../model/registry.js';
import { FencedTransport } from './fenced-transport.js';
import { LeaderElection, type Leadership, type Term } from './leader-election.js';
import { leaderPart } from './leader-part.js';

/** How one of several orchestrators on one cluster is chosen. A leader that is gone is replaced within `ttlMs` and one retry; one that stops is replaced after one retry. */
export interface LeaderElectionSettings {
  /** Who campaigns for the same lease elects one; default `orrery-leader`. */
  readonly lease?: string;
  /** Who this is, unique among them; default made by chance. */
  readonly holder?: string;
  /** Over a remote API: the namespace of the Lease object; default `kube-system`. */
  readonly namespace?: string;
  /** Default 3,000 (client-go: 15 s, for slower networks than this expects); over a remote API 15,000. */
  readonly ttlMs?: number;
  /** Default a third of `ttlMs`; at most half of it. */
  readonly renewMs?: number;
  /** Default a quarter of `ttlMs`. */
  readonly retryMs?: number;
}

/** What leading is made from. */
export interface LeadingOptions {
  /** Where the lease is. */
  readonly leases: Pick<Store, 'acquireLease'>;
  readonly transport: Transport;
  readonly kinds: KindRegistry;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Milliseconds a part may take to wind down when its term is over. */
  readonly stopTimeoutMs: number;
  /** Where it shows whether this one leads; default: nowhere. */
  readonly instruments?: Instruments;
  /** Told of each change. Must not throw. */
  changed(state: Leadership): void;
}

/** An orchestrator among several on one store: its election, the clients of its leader's parts, and the parts themselves. */
export class Leading {
  readonly #election: LeaderElection;
  readonly #lease: string;

  /** Throws `INVALID` for times under which nobody could stay leader. */
  constructor(
    settings: LeaderElectionSettings,
    private readonly options: LeadingOptions,
  ) {
    const { leases, clock, random, log, changed } = options;
    const { lease = 'orrery-leader', holder = random.uuid(), ttlMs = 3_000 } = settings;
    const { renewMs = ttlMs / 3, retryMs = ttlMs / 4 } = settings;
    this.#lease = lease;
    checkTimes({ ttlMs, renewMs, retryMs });
    this.#election = new LeaderElection({ store: leases, clock, random, log, lease, holder, ttlMs, renewMs, retryMs, changed });
  }

  /** What is known now. */
  get state(): Leadership {
    return this.#election.leadership;
  }

  /** The campaign; ready at once, as parts that need to know whether they lead wait for it themselves. */
  readonly campaign: Runnable = {
    name: 'leader-election',
    phase: 'caches',
    run: async (signal, ready) => {
      ready();
      const hide = this.#show();
      try {
        await this.#election.run(signal);
      } finally {
        hide();
      }
    },
  };

  #show(): () => void {
    const about = { name: 'leader_election_master_status', help: '1: this one leads.', labels: ['name'] } as const;
    return (this.options.instruments ?? noInstruments).gauge(about, () => [[{ name: this.#lease }, Number(this.state.leading)]]);
  }

  /** A client whose writes carry the fence of a term: that named, or the present one. */
  client(user: UserInfo, fieldManager: string, term: () => Term | undefined = () => this.#election.term): Client {
    const { transport, kinds } = this.options;
    return new ApiClient({ transport: new FencedTransport(transport, term), kinds, user, fieldManager });
  }

  /** The part as it runs among several: those of controllers and scheduler act for the whole cluster, and so only while this one leads. `begin` is told the term before each run. */
  part(part: Runnable, begin: (term: Term) => void = () => {}): Runnable {
    if (part.phase !== 'controllers' && part.phase !== 'scheduler') return part;
    const { clock, log, stopTimeoutMs } = this.options;
    return leaderPart(part, begin, { election: this.#election, clock, log, stopTimeoutMs });
  }
}

/** A lease has to be renewed before it ends, and one failed renewal must not be the end of it. */
function checkTimes(times: { readonly ttlMs: number; readonly renewMs: number; readonly retryMs: number }): void {
  for (const [name, ms] of Object.entries(times)) {
    if (!(Number.isFinite(ms) && ms > 0)) throw new OrreryError('INVALID', `leaderElection.${name} must be a positive number of milliseconds.`, { [name]: ms });
  }
  const { ttlMs, renewMs } = times;
  if (renewMs > ttlMs / 2) throw new OrreryError('INVALID', `leaderElection.renewMs (${renewMs}) must be at most half of ttlMs (${ttlMs}), so that one renewal may fail.`, { renewMs, ttlMs });
}
