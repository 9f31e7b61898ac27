import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isIPAddress, isIPv4, isIPv6 } from './ip-address.js';

describe('IP addresses', () => {
  it('are told as the platform tells them', () => {
    const piece = fc.constantFrom('0', '1', '01', '255', '256', 'ff', 'FFFF', 'fffff', ':', '::', '.', '1.2.3.4', 'g', '');
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.array(piece, { maxLength: 12 }).map((parts) => parts.join('')), fc.array(piece, { maxLength: 9 }).map((parts) => parts.join(':'))), (text) => {
        expect([text, isIPAddress(text)]).toEqual([text, isIP(text) !== 0]);
        expect(isIPv4(text)).toBe(isIP(text) === 4);
        expect(isIPv6(text)).toBe(isIP(text) === 6);
      }),
      { numRuns: 3000 },
    );
  });
});
