import type { Clock, UserInfo } from '@orrery/core';
import type { Registry } from 'prom-client';
import type { Exchange } from '../exchange.js';
import type { HttpLimits } from '../limits.js';
import { hasInitialEvents, isWhole, limitOf } from '../query.js';
import { tooBusy } from '../refusal.js';
import { FlowControl } from './flow-control.js';
import { type Classified, type ClassifiedBy, classify, SCHEMA_LEVELS } from './flow-schema.js';
import { HeldByUser } from './held-by-user.js';
import { ListWidths } from './list-widths.js';
import { EXEMPT, uidOf } from './priority-levels.js';
import { type Rate, TokenBuckets } from './token-buckets.js';

/** How often clients may ask, besides what fairness gives them. */
export interface RateLimits {
  /** Requests of each user, but for members of `system:masters` and probes. Default: no limit. */
  readonly user?: Rate;
  /** Events that are written, of all users together, into one namespace, by one user (as Kubernetes' EventRateLimit). Default: no limit. */
  readonly events?: { readonly server?: Rate; readonly namespace?: Rate; readonly user?: Rate };
}

/** What letting requests in is made from. */
export interface GateOptions {
  readonly clock: Clock;
  readonly limits: HttpLimits;
  readonly rates: RateLimits;
  readonly registry: Registry;
}

/** Lets requests in: not more of one client than its share while others wait. */
export class Gate {
  readonly #flows: FlowControl;
  readonly #widths = new ListWidths();
  readonly #watches: HeldByUser;
  readonly #streams: HeldByUser;
  readonly #perUser: TokenBuckets | undefined;
  readonly #events: readonly { readonly type: string; readonly buckets: TokenBuckets; key(request: ClassifiedBy): string }[];

  constructor(private readonly options: GateOptions) {
    const { clock, limits, rates, registry } = options;
    this.#flows = new FlowControl({ clock, registry, seats: limits.requests, queueLength: limits.queueLength, queueMs: limits.queueMs });
    this.#watches = new HeldByUser('watches', { all: limits.watches, user: limits.watchesPerUser });
    this.#streams = new HeldByUser('streams', { all: limits.streams, user: limits.streamsPerUser });
    this.#perUser = rates.user && new TokenBuckets(rates.user);
    const { server, namespace, user } = rates.events ?? {};
    this.#events = [
      ...(server === undefined ? [] : [{ type: 'Server', buckets: new TokenBuckets(server), key: () => '' }]),
      ...(namespace === undefined ? [] : [{ type: 'Namespace', buckets: new TokenBuckets(namespace), key: ({ ref }: ClassifiedBy) => ref?.namespace ?? '' }]),
      ...(user === undefined ? [] : [{ type: 'User', buckets: new TokenBuckets(user), key: ({ user: { name } }: ClassifiedBy) => name }]),
    ];
  }

  /** Does the work of a request that ends by itself, when there are seats for it. Rejects with TooManyRequests where it may not wait for them, or waited for too long. */
  async request(exchange: Exchange, asked: ClassifiedBy, work: () => Promise<void>): Promise<void> {
    const width = asked.verb === 'list' && asked.ref !== undefined ? this.#widths.of(asked.ref, limitOf(exchange.query)) : 1;
    const giveBack = await this.#seats(exchange, asked, width);
    try {
      if (!exchange.gone.aborted) await work();
    } finally {
      giveBack();
      if (asked.verb === 'list' && asked.ref !== undefined && exchange.length !== undefined) this.#widths.learn(asked.ref, exchange.length, isWhole(exchange.query));
    }
  }

  /** Serves a watch: it has seats until what there is in the beginning is told, and counts as one of its user's until it is over. `work` calls `begun` then. */
  async watch(exchange: Exchange, asked: ClassifiedBy, work: (begun: (length: number) => void) => Promise<void>): Promise<void> {
    const { ref } = asked;
    const leave = this.#watches.take(asked.user.name);
    try {
      const giveBack = await this.#seats(exchange, asked, ref === undefined || !hasInitialEvents(exchange.query) ? 1 : this.#widths.of(ref, undefined));
      try {
        if (exchange.gone.aborted) return;
        await work((length) => {
          giveBack();
          if (ref !== undefined && length > 0) this.#widths.learn(ref, length, false);
        });
      } finally {
        giveBack();
      }
    } finally {
      leave();
    }
  }

  /** Serves a stream, which counts as one of its user's until it is over. */
  async stream({ name }: UserInfo, work: () => Promise<void>): Promise<void> {
    const leave = this.#streams.take(name);
    try {
      await work();
    } finally {
      leave();
    }
  }

  async #seats(exchange: Exchange, asked: ClassifiedBy, width: number): Promise<() => void> {
    const classified = classify(asked);
    const [schema, level] = uidsOf(classified);
    exchange.response.setHeader('X-Kubernetes-PF-FlowSchema-UID', schema);
    exchange.response.setHeader('X-Kubernetes-PF-PriorityLevel-UID', level);
    if (classified.level !== EXEMPT) this.#checkRates(asked);
    return this.#flows.take(classified, width, exchange.gone);
  }

  #checkRates(asked: ClassifiedBy): void {
    const now = this.options.clock.monotonic();
    const wait = this.#perUser?.take(asked.user.name, now) ?? 0;
    if (wait > 0) throw tooBusy('too many requests of this user, please try again later', Math.ceil(wait / 1000));
    if (!isEvent(asked)) return;
    for (const { type, buckets, key } of this.#events) {
      const whose = key(asked);
      const late = buckets.take(whose, now);
      if (late > 0) throw tooBusy(`limit reached on type ${type} for key ${whose}`, Math.ceil(late / 1000));
    }
  }
}

const isEvent = ({ verb, ref }: ClassifiedBy): boolean => (verb === 'create' || verb === 'update') && ref?.resource === 'events' && (ref.group === '' || ref.group === 'events.k8s.io');

const UIDS: ReadonlyMap<string, readonly [schema: string, level: string]> = new Map([...SCHEMA_LEVELS].map(([schema, level]) => [schema, [uidOf('FlowSchema', schema), uidOf('PriorityLevelConfiguration', level)]]));
const uidsOf = ({ schema }: Classified): readonly [schema: string, level: string] => UIDS.get(schema) as readonly [string, string];
