// IP addresses as text, in the strict reading of today's Kubernetes: no leading zeros, no zones. Pure, so that the model needs no network module.

const OCTET = /^(?:0|[1-9]\d{0,2})$/;
const GROUP = /^[0-9a-fA-F]{1,4}$/;

/** Four decimal numbers from 0 to 255, without leading zeros. */
export function isIPv4(text: string): boolean {
  const parts = text.split('.', 5);
  return text.length <= 15 && parts.length === 4 && parts.every((part) => OCTET.test(part) && Number(part) <= 255);
}

/** Eight groups of up to four hexadecimal digits; one run of zeros may be `::`, and the last two groups an IPv4 address. */
export function isIPv6(text: string): boolean {
  if (text.length > 45 || !text.includes(':')) return false;
  const halves = text.split('::');
  if (halves.length > 2) return false;
  let groups = 0;
  for (const [i, half] of halves.entries()) {
    const parts = half === '' ? [] : half.split(':');
    for (const [j, part] of parts.entries()) {
      const last = i === halves.length - 1 && j === parts.length - 1;
      if (last && isIPv4(part)) groups += 2;
      else if (GROUP.test(part)) groups += 1;
      else return false;
    }
  }
  return halves.length === 2 ? groups <= 7 : groups === 8;
}

/** An address of either family. */
export function isIPAddress(text: string): boolean {
  return isIPv4(text) || isIPv6(text);
}

/** A block of addresses. */
export interface Cidr {
  readonly family: 4 | 6;
  /** The address as a number. */
  readonly bits: bigint;
  /** How many of its first bits count. */
  readonly prefix: number;
}

/** A block such as `10.0.0.0/8` or `2001:db8::/32`; undefined when it is none. Bits behind the prefix may be set. */
export function parseCidr(text: string): Cidr | undefined {
  const [, address = '', digits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const prefix = Number(digits);
  const family = isIPv4(address) ? 4 : isIPv6(address) ? 6 : undefined;
  if (family === undefined || (digits !== '0' && digits.startsWith('0')) || prefix > (family === 4 ? 32 : 128)) return undefined;
  return { family, bits: family === 4 ? bitsOfV4(address) : bitsOfV6(address), prefix };
}

/** Whether all addresses of `inner` are in `outer`. */
export function cidrHolds(outer: Cidr, inner: Cidr): boolean {
  const rest = BigInt((outer.family === 4 ? 32 : 128) - outer.prefix);
  return outer.family === inner.family && outer.prefix <= inner.prefix && outer.bits >> rest === inner.bits >> rest;
}

const bitsOfV4 = (address: string): bigint => address.split('.').reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);

function bitsOfV6(address: string): bigint {
  const groupsOf = (half: string): bigint[] => (half === '' ? [] : half.split(':').flatMap((part) => (part.includes('.') ? [bitsOfV4(part) >> 16n, bitsOfV4(part) & 0xffffn] : [BigInt(`0x${part}`)])));
  const [front = '', back] = address.split('::');
  const [first, last] = [groupsOf(front), groupsOf(back ?? '')];
  const zeros = Array.from({ length: back === undefined ? 0 : 8 - first.length - last.length }, () => 0n);
  return [...first, ...zeros, ...last].reduce((bits, group) => (bits << 16n) | group, 0n);
}
