import type { Client } from '../contracts/client.js';
import type { Store, StoreLease } from '../contracts/store.js';
import type { Clock } from '../kernel/clock.js';
import { OrreryError } from '../kernel/errors.js';
import { ApiError } from '../model/api-error.js';
import { equalJson } from '../model/json.js';
import { Lease, type LeaseSpec } from '../model/kinds/lease.js';
import { microTimeOfMillis } from '../model/timestamp.js';

/** What leases kept as objects need. */
export interface ObjectLeasesOptions {
  readonly client: Client;
  readonly clock: Clock;
  /** Where the Lease objects are; default `kube-system`. */
  readonly namespace?: string;
}

/** What was seen of a lease, and since when it has been so on this machine's clock. */
interface Seen {
  readonly spec: LeaseSpec;
  readonly at: number;
}

/**
 * Leases kept as `Lease` objects (coordination.k8s.io/v1), by the rules of client-go's leader election: a lease is free when its holder has let go, or when it has not changed for its own duration
 * as this machine's clock counts; times written by other machines are not believed. The epoch is one more than `leaseTransitions`, which also grows when a holder takes its own lease again.
 * There is no fence: an API server checks no epoch, so that a leader which stood still may have a write on its way when the next one begins. Only the holder itself knows when its time is over.
 */
export class ObjectLeases implements Pick<Store, 'acquireLease'> {
  readonly #seen = new Map<string, Seen>();

  constructor(private readonly options: ObjectLeasesOptions) {}

  async acquireLease(name: string, { holder, ttlMs }: { readonly holder: string; readonly ttlMs: number }): Promise<StoreLease | undefined> {
    const { client, clock, namespace = 'kube-system' } = this.options;
    const leases = client.kind(Lease);
    const asked = clock.monotonic();
    const found = await leases.find({ namespace, name });
    if (found !== undefined && !this.#isFree(name, found.spec, holder)) return undefined;
    const now = microTimeOfMillis(clock.now());
    const leaseTransitions = found === undefined ? 0 : (found.spec.leaseTransitions ?? 0) + 1;
    const spec: LeaseSpec = { ...found?.spec, holderIdentity: holder, leaseDurationSeconds: Math.ceil(ttlMs / 1000), acquireTime: now, renewTime: now, leaseTransitions };
    try {
      const object: Lease = found === undefined ? { apiVersion: Lease.apiVersion, kind: Lease.kind, metadata: { namespace, name }, spec } : { ...found, spec };
      const held = await (found === undefined ? leases.create(object) : leases.update(object));
      return new HeldLease(name, held, { client, clock, holder, ttlMs, asked });
    } catch (error) {
      // Another was quicker.
      if (ApiError.is(error, 'Conflict') || ApiError.is(error, 'AlreadyExists') || ApiError.is(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  #isFree(name: string, spec: LeaseSpec, holder: string): boolean {
    const now = this.options.clock.monotonic();
    const known = this.#seen.get(name);
    const seen = known !== undefined && equalJson(known.spec, spec) ? known : { spec, at: now };
    this.#seen.set(name, seen);
    const { holderIdentity = '', leaseDurationSeconds = 0 } = spec;
    return holderIdentity === '' || holderIdentity === holder || seen.at + leaseDurationSeconds * 1000 <= now;
  }
}

/** A lease object that this process holds. */
class HeldLease implements StoreLease {
  readonly epoch: number;
  #object: Lease;
  #validUntil: number;

  constructor(
    readonly name: string,
    held: Lease,
    private readonly options: { readonly client: Client; readonly clock: Clock; readonly holder: string; readonly ttlMs: number; readonly asked: number },
  ) {
    this.#object = held;
    this.epoch = (held.spec.leaseTransitions ?? 0) + 1;
    this.#validUntil = options.asked + options.ttlMs;
  }

  async renew(): Promise<void> {
    const { clock, ttlMs } = this.options;
    const began = clock.monotonic();
    if (began >= this.#validUntil) throw this.#lost('it was not renewed in time');
    const renewed = (): Partial<LeaseSpec> => ({ renewTime: microTimeOfMillis(clock.now()) });
    if (!(await this.#write(renewed))) {
      // Somebody has changed the object, or an answer of ours was lost: whose it is now counts.
      await this.#reread();
      if (!(await this.#write(renewed))) throw new OrreryError('CONFLICT', `The Lease "${this.name}" keeps changing.`, { lease: this.name });
    }
    this.#validUntil = began + ttlMs;
  }

  async release(): Promise<void> {
    const letGo = (): Partial<LeaseSpec> => ({ holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTimeOfMillis(this.options.clock.now()) });
    try {
      if (await this.#write(letGo)) return;
      await this.#reread();
      await this.#write(letGo);
    } catch (error) {
      if (!OrreryError.is(error, 'LEASE_LOST')) throw error;
    }
  }

  /** False when the object is not as it was known. */
  async #write(change: () => Partial<LeaseSpec>): Promise<boolean> {
    try {
      this.#object = await this.options.client.kind(Lease).update({ ...this.#object, spec: { ...this.#object.spec, ...change() } });
      return true;
    } catch (error) {
      if (ApiError.is(error, 'NotFound')) throw this.#lost('its object was deleted');
      if (ApiError.is(error, 'Conflict')) return false;
      throw error;
    }
  }

  async #reread(): Promise<void> {
    const { namespace, name = '' } = this.#object.metadata;
    const found = await this.options.client.kind(Lease).find({ namespace, name });
    if (found?.spec.holderIdentity !== this.options.holder || (found.spec.leaseTransitions ?? 0) + 1 !== this.epoch) throw this.#lost('another holds it');
    this.#object = found;
  }

  #lost(why: string): OrreryError {
    return new OrreryError('LEASE_LOST', `The lease "${this.name}" (epoch ${this.epoch}) is lost: ${why}.`, { lease: this.name, epoch: this.epoch });
  }
}
