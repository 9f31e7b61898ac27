import type { Server } from 'node:net';
import { isIPv4 } from 'node:net';
import { claim } from './claim.js';
import { HelperFailure } from './failure.js';

// Every pod gets its own address of 127.0.0.0/8, which Linux routes to the loopback device without any set-up.
// Two orchestrators on one machine must not share addresses, so a runtime holds a claim on each /16 that it uses.

/** The /16 blocks tried by default: 127.64.0.0 to 127.191.0.0. The rest is left to Service ranges and to people. */
const FIRST_BLOCK = 64;
const BLOCKS = 128;

/** A range of IPv4 addresses as numbers, first and last included. */
export interface AddressRange {
  readonly cidr: string;
  readonly first: number;
  readonly last: number;
}

/** Reads `127.x.y.z/n`. Throws `INVALID` for anything that is not a block of 127.0.0.0/8 with a prefix of 12 to 29. */
export function parseLoopbackRange(cidr: string): AddressRange {
  const [address = '', prefixText = ''] = cidr.split('/');
  const prefix = Number(prefixText);
  if (!isIPv4(address) || !/^\d{1,2}$/.test(prefixText) || prefix < 12 || prefix > 29 || !address.startsWith('127.')) {
    throw new HelperFailure('INVALID', `podCIDR "${cidr}" must be a block of 127.0.0.0/8 with a prefix of 12 to 29, such as 127.70.0.0/16.`, { podCIDR: cidr });
  }
  const size = 2 ** (32 - prefix);
  const first = Math.floor(toNumber(address) / size) * size;
  return { cidr: `${toAddress(first)}/${prefix}`, first, last: first + size - 1 };
}

/** The numbers of the /16 blocks that a range touches (their second octet). */
export function blocksOf(range: AddressRange): number[] {
  const from = Math.floor(range.first / 65536) % 256;
  const to = Math.floor(range.last / 65536) % 256;
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

/** Holds a range of addresses for this runtime and gives them out. */
export class Addresses {
  readonly #used = new Set<string>();
  #next: number;

  private constructor(readonly range: AddressRange, readonly claims: readonly Server[]) {
    this.#next = range.first + 1;
  }

  /**
   * Claims the wanted block, or the one held before, or else the first free one, beginning at a place that `seed` picks.
   * Throws `EXHAUSTED` when the wanted block (or every block) is held by another orchestrator.
   */
  static async open(wanted: string | undefined, before: string | undefined, seed: number): Promise<Addresses> {
    const candidates = wanted !== undefined ? [wanted] : [...(before === undefined ? [] : [before]), ...defaultBlocks(seed)];
    for (const cidr of candidates) {
      const range = parseLoopbackRange(cidr);
      const claims = await claimAll(blocksOf(range));
      if (claims !== undefined) return new Addresses(range, claims);
    }
    throw new HelperFailure('EXHAUSTED', `The pod addresses ${wanted ?? 'of every block'} are held by another orchestrator on this machine.`, {});
  }

  /** Marks an address of a sandbox found on disk. */
  adopt(address: string): void {
    this.#used.add(address);
    this.#next = Math.max(this.#next, toNumber(address) + 1);
  }

  /** A free address; the ones just given back come last. Throws `EXHAUSTED`. */
  take(): string {
    const size = this.range.last - this.range.first - 1;
    for (let tries = 0; tries < size; tries++) {
      if (this.#next >= this.range.last) this.#next = this.range.first + 1;
      const address = toAddress(this.#next++);
      if (!this.#used.has(address)) {
        this.#used.add(address);
        return address;
      }
    }
    throw new HelperFailure('EXHAUSTED', `All ${size} addresses of ${this.range.cidr} are used by pods.`, { podCIDR: this.range.cidr });
  }

  /** Gives an address back. Safe to call twice. */
  release(address: string): void {
    this.#used.delete(address);
  }

  /** Gives up the claims. */
  close(): void {
    for (const server of this.claims) server.close();
  }
}

function defaultBlocks(seed: number): string[] {
  return Array.from({ length: BLOCKS }, (_, index) => `127.${FIRST_BLOCK + ((seed + index) % BLOCKS)}.0.0/16`);
}

async function claimAll(blocks: readonly number[]): Promise<Server[] | undefined> {
  const held: Server[] = [];
  for (const block of blocks) {
    const server = await claim(`orrery-loopback-127.${block}`);
    if (server === undefined) {
      for (const other of held) other.close();
      return undefined;
    }
    held.push(server);
  }
  return held;
}

function toNumber(address: string): number {
  return address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

function toAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}
