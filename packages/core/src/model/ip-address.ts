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
