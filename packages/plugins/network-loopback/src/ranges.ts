import type { Random } from '@orrery/core';
import { OrreryError } from '@orrery/core';
import { isIPv4 } from 'node:net';
import { Bitmap } from './bitmap.js';

/** A block of 127.0.0.0/8. */
export interface Block {
  readonly cidr: string;
  /** The block's own address as a number; with the last one it is not given out. */
  readonly base: number;
  readonly size: number;
}

/** Reads `127.x.y.z/n`. Throws `INVALID` for anything that is not a block of 127.0.0.0/8 with a prefix of 12 to 28. */
export function parseBlock(cidr: string): Block {
  const [address = '', prefixText = ''] = cidr.split('/');
  const prefix = Number(prefixText);
  if (!isIPv4(address) || !address.startsWith('127.') || !/^\d{1,2}$/.test(prefixText) || prefix < 12 || prefix > 28) {
    throw new OrreryError('INVALID', `serviceCIDR "${cidr}" must be a block of 127.0.0.0/8 with a prefix of 12 to 28, such as 127.200.0.0/16.`, { serviceCIDR: cidr });
  }
  const size = 2 ** (32 - prefix);
  const base = Math.floor(toNumber(address) / size) * size;
  return { cidr: `${toAddress(base)}/${prefix}`, base, size };
}

/** The numbers of the /16 blocks that a block touches (their second octet). */
export function sixteensOf({ base, size }: Block): number[] {
  const from = Math.floor(base / 65_536) % 256;
  const to = Math.floor((base + size - 1) / 65_536) % 256;
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** Why a number or an address cannot be had. */
export type Refusal = 'taken' | 'outside';

/** The addresses of a block, without its first and last (pkg/registry/core/service/ipallocator). */
export class AddressPool {
  readonly #bitmap: Bitmap;

  constructor(
    readonly block: Block,
    random: Random,
  ) {
    const size = block.size - 2;
    // Upstream's calculateRangeOffset: a sixteenth, at least 16 and at most 256, is left to explicit requests.
    this.#bitmap = new Bitmap(size, size <= 16 ? 0 : Math.min(256, Math.max(16, size >>> 4)), random);
  }

  /** How many are taken. */
  get taken(): number {
    return this.#bitmap.taken;
  }

  /** Takes this address; tells why not. */
  take(address: string): Refusal | undefined {
    const n = this.#index(address);
    if (n === undefined) return 'outside';
    return this.#bitmap.take(n) ? undefined : 'taken';
  }

  /** Takes any address; undefined when none is free. */
  takeAny(): string | undefined {
    const n = this.#bitmap.takeAny();
    return n === undefined ? undefined : toAddress(this.block.base + 1 + n);
  }

  /** Gives an address back. Does nothing for those that are free or outside. */
  release(address: string): void {
    const n = this.#index(address);
    if (n !== undefined) this.#bitmap.release(n);
  }

  #index(address: string): number | undefined {
    if (!isIPv4(address)) return undefined;
    const n = toNumber(address) - this.block.base - 1;
    return n >= 0 && n < this.#bitmap.size ? n : undefined;
  }
}

/** Node ports (pkg/registry/core/service/portallocator). */
export class PortPool {
  readonly #bitmap: Bitmap;

  constructor(
    readonly first: number,
    readonly last: number,
    random: Random,
  ) {
    const size = last - first + 1;
    // Upstream's calculateRangeOffset: a thirty-second, at least 16 and at most 128.
    this.#bitmap = new Bitmap(size, size <= 16 ? 0 : Math.min(128, Math.max(16, size >>> 5)), random);
  }

  /** How many are taken. */
  get taken(): number {
    return this.#bitmap.taken;
  }

  /** Takes this port; tells why not. */
  take(port: number): Refusal | undefined {
    if (!this.#holds(port)) return 'outside';
    return this.#bitmap.take(port - this.first) ? undefined : 'taken';
  }

  /** Takes any port; undefined when none is free. */
  takeAny(): number | undefined {
    const n = this.#bitmap.takeAny();
    return n === undefined ? undefined : this.first + n;
  }

  /** Gives a port back. Does nothing for those that are free or outside. */
  release(port: number): void {
    if (this.#holds(port)) this.#bitmap.release(port - this.first);
  }

  #holds(port: number): boolean {
    return Number.isInteger(port) && port >= this.first && port <= this.last;
  }
}

/** Four octets as a number. */
function toNumber(address: string): number {
  return address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

/** A number as four octets. */
function toAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}
