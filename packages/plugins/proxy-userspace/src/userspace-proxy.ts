import { type Clock, errorMessage, type Logger, OrreryError, type Proxy, type RouteDelta, type RouteFailure, type ServicePortRoute } from '@orrery/core';
import { ConnectionCount } from './connections.js';
import type { Listener } from './listener.js';
import { type ListenerPlan, type Place, planListeners } from './plan.js';
import { RouteState } from './route-state.js';
import { TcpForwarder } from './tcp-forwarder.js';
import { TcpListener } from './tcp-listener.js';
import { UdpListener } from './udp-listener.js';
import type { UseListener } from './use.js';

/** How the proxy works. Times are milliseconds. */
export interface UserspaceProxyOptions extends Place {
  readonly clock: Clock;
  readonly log: Logger;
  /** How long established connections to an endpoint that is gone live on. */
  readonly drainMs: number;
  /** How long established connections live on after {@link UserspaceProxy.close} began. */
  readonly closeDrainMs: number;
  /** TCP connections at a time; further ones are reset. */
  readonly maxConnections: number;
  readonly udpIdleMs: number;
  /** UDP clients at a time, per socket. */
  readonly maxUdpClients: number;
  /** TCP connections at a time that wait for an endpoint of a Service that holds requests; default 256. Each takes at most 128 KiB of memory. */
  readonly maxHeld?: number;
  /** How long they wait; default 30 s. */
  readonly holdMs?: number;
  /** Told of the use of Services that hold requests. */
  readonly use?: UseListener;
}

const MAX_HELD = 256;
const HOLD_MS = 30_000;

interface Open {
  readonly listener: Listener;
  /** The route it serves; undefined within `apply` between the route that gives it up and the one that takes it over. */
  owner: string | undefined;
}

/** A socket that has to be opened. */
interface ToOpen {
  readonly plan: ListenerPlan;
  readonly open: Open;
  readonly route: string;
}

/** Forwards connections inside this process: a socket per service address and port, open exactly while there is an endpoint to offer. */
export class UserspaceProxy implements Proxy {
  readonly name = 'userspace';
  readonly #routes = new Map<string, RouteState>();
  readonly #listeners = new Map<string, Open>();
  readonly #count = new ConnectionCount();
  readonly #forwarder: TcpForwarder;
  /** Connections of routes that are gone. */
  readonly #leaving = new Set<RouteState>();
  #revision = 0;
  #applying: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(private readonly options: UserspaceProxyOptions) {
    const { clock, maxConnections, maxHeld = MAX_HELD, holdMs = HOLD_MS, use } = options;
    this.#forwarder = new TcpForwarder({ clock, count: this.#count, maxConnections, maxHeld, holdMs, use });
  }

  /** Connections that wait for an endpoint, and how many bytes they have sent so far that are kept here. */
  held(): { readonly connections: number; readonly bytes: number } {
    return this.#forwarder.held;
  }

  programmed(): { readonly revision: number; readonly routes: number } {
    return { revision: this.#revision, routes: this.#routes.size };
  }

  /**
   * Throws, after programming everything else, an error whose `details.failures` names route and reason: `UNAVAILABLE` when trying again may help
   * (an address in use), `UNSUPPORTED` when only SCTP is in the way.
   */
  apply(delta: RouteDelta, _signal: AbortSignal): Promise<void> {
    const applied = this.#apply(delta);
    this.#applying = applied.catch((error: unknown) => error);
    return applied;
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#shutDown());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #apply({ upserts, removes, revision }: RouteDelta): Promise<void> {
    if (this.#closing !== undefined) throw new OrreryError('CLOSED', 'The proxy is closed.');
    const failures = upserts.filter(({ protocol }) => protocol === 'SCTP').map(({ id }): RouteFailure => ({ route: id, reason: 'this proxy cannot carry SCTP' }));
    const unsupported = failures.length;
    const given = new Set<string>();
    for (const id of removes) this.#remove(id, given);
    for (const route of upserts) this.#put(route, given);
    const toOpen = upserts.flatMap(({ id }) => this.#claim(id, failures));
    // Only now: what one route gave up another may have taken over, socket and all.
    for (const key of given) this.#closeUnowned(key);
    await Promise.all(toOpen.map((one) => this.#open(one, failures)));
    this.#revision = revision;
    if (failures.length > 0) throw failed(failures, unsupported === failures.length);
  }

  #remove(id: string, given: Set<string>): void {
    const state = this.#routes.get(id);
    if (state === undefined) return;
    this.#routes.delete(id);
    this.#giveUp(id, state.plans.keys(), given);
    this.#forwarder.gone(state);
    state.connections.keep([]);
    this.#leaving.add(state);
    for (const one of this.#leaving) if (one.connections.empty) this.#leaving.delete(one);
  }

  #put(route: ServicePortRoute, given: Set<string>): void {
    const { clock, drainMs } = this.options;
    let state = this.#routes.get(route.id);
    if (state === undefined) this.#routes.set(route.id, (state = new RouteState(route, this.options, clock, drainMs)));
    else state.update(route);
    const before = [...state.plans.keys()];
    state.plans = new Map(planListeners(route, this.options).map((plan) => [plan.key, plan]));
    this.#giveUp(route.id, before.filter((key) => !state.plans.has(key)), given);
    this.#forwarder.changed(state);
  }

  #giveUp(id: string, keys: Iterable<string>, given: Set<string>): void {
    for (const key of keys) {
      const open = this.#listeners.get(key);
      if (open?.owner !== id) continue;
      open.owner = undefined;
      given.add(key);
    }
  }

  /** Makes the sockets that a route wants its own; answers those to be opened. */
  #claim(id: string, failures: RouteFailure[]): ToOpen[] {
    const state = this.#routes.get(id) as RouteState;
    const toOpen: ToOpen[] = [];
    for (const [key, plan] of state.plans) {
      const known = this.#listeners.get(key);
      if (known === undefined) {
        const open: Open = { listener: this.#listener(plan, state), owner: id };
        this.#listeners.set(key, open);
        toOpen.push({ plan, open, route: id });
      } else if (known.owner === undefined || known.owner === id) {
        known.owner = id;
        known.listener.follow(state);
      } else failures.push({ route: id, reason: `${key} serves ${known.owner} already` });
    }
    return toOpen;
  }

  #listener(plan: ListenerPlan, state: RouteState): Listener {
    const { clock, log, udpIdleMs, maxUdpClients } = this.options;
    const troubled = (error: Error): void => log.warn('a socket of the proxy has trouble', { socket: plan.key, error: error.message });
    if (plan.protocol === 'TCP') return new TcpListener(plan, state, this.#forwarder, troubled);
    return new UdpListener(plan, state, { clock, idleMs: udpIdleMs, maxClients: maxUdpClients, troubled });
  }

  async #open({ plan, open, route }: ToOpen, failures: RouteFailure[]): Promise<void> {
    try {
      await open.listener.open();
    } catch (error) {
      this.#listeners.delete(plan.key);
      failures.push({ route, reason: `cannot listen on ${plan.key}: ${errorMessage(error)}` });
    }
  }

  #closeUnowned(key: string): void {
    const open = this.#listeners.get(key);
    if (open === undefined || open.owner !== undefined) return;
    this.#listeners.delete(key);
    open.listener.close();
  }

  async #shutDown(): Promise<void> {
    await this.#applying;
    for (const { listener } of this.#listeners.values()) listener.close();
    this.#listeners.clear();
    this.#forwarder.refuseAll();
    await this.#count.drained(this.options.clock, this.options.closeDrainMs);
    for (const state of [...this.#routes.values(), ...this.#leaving]) state.connections.close();
    this.#routes.clear();
    this.#leaving.clear();
    this.#forwarder.close();
  }
}

function failed(failures: readonly RouteFailure[], hopeless: boolean): OrreryError {
  const texts = failures.slice(0, 10).map(({ route, reason }) => `${route}: ${reason}`);
  const more = failures.length > 10 ? ` and ${failures.length - 10} more` : '';
  return new OrreryError(hopeless ? 'UNSUPPORTED' : 'UNAVAILABLE', `${failures.length} routes could not be programmed: ${texts.join('; ')}${more}.`, { failures });
}
