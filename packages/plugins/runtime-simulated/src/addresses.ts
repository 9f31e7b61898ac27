import { OrreryError } from '@orrery/core';

/** Gives out the addresses of an IPv4 block, one after the other, the given-back ones last. */
export class AddressBlock {
  readonly #used = new Set<number>();
  readonly #first: number;
  readonly #size: number;
  #next = 1;

  /** Throws `INVALID` for anything but `a.b.c.d/n` with a prefix of 8 to 30. */
  constructor(readonly cidr: string) {
    const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(cidr);
    const octets = (match?.slice(1, 5) ?? []).map(Number);
    const prefix = Number(match?.[5]);
    if (match === null || octets.some((octet) => octet > 255) || prefix < 8 || prefix > 30) {
      throw new OrreryError('INVALID', `podCIDR "${cidr}" must be an IPv4 block with a prefix of 8 to 30.`, { podCIDR: cidr });
    }
    this.#size = 2 ** (32 - prefix);
    const address = octets.reduce((sum, octet) => sum * 256 + octet, 0);
    this.#first = Math.floor(address / this.#size) * this.#size;
  }

  /** A free address. Throws `EXHAUSTED`. */
  take(): string {
    const usable = this.#size - 2;
    if (this.#used.size >= usable) throw new OrreryError('EXHAUSTED', `All ${usable} addresses of ${this.cidr} are used by pods.`, { podCIDR: this.cidr });
    while (this.#used.has(this.#next)) this.#next = (this.#next % usable) + 1;
    const offset = this.#next;
    this.#used.add(offset);
    this.#next = (offset % usable) + 1;
    return [24, 16, 8, 0].map((shift) => Math.floor((this.#first + offset) / 2 ** shift) % 256).join('.');
  }

  /** Gives an address back. Safe to call twice. */
  release(address: string): void {
    this.#used.delete(address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0) - this.#first);
  }
}
