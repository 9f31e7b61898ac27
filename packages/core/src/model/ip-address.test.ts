import { BlockList, isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cidrHolds, isIPAddress, isIPv4, isIPv6, parseCidr } from './ip-address.js';

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

  it('are in blocks as the platform has them', () => {
    const block = fc.oneof(fc.tuple(fc.constantFrom('10.1.2.3', '10.1.0.0', '11.0.0.1', '0.0.0.0'), fc.integer({ min: 0, max: 32 })), fc.tuple(fc.constantFrom('fd00::1', 'fd00:0:1::', '::', '::ffff:1.2.3.4'), fc.integer({ min: 0, max: 128 })));
    fc.assert(
      fc.property(block, block, ([outer, prefix], [inner, innerPrefix]) => {
        const [a, b] = [parseCidr(`${outer}/${prefix}`), parseCidr(`${inner}/${innerPrefix}`)];
        if (a === undefined || b === undefined) throw new Error('not parsed');
        const list = new BlockList();
        list.addSubnet(outer, prefix, isIPv4(outer) ? 'ipv4' : 'ipv6');
        const mapped = (text: string): boolean => text.startsWith('::');
        // The platform takes addresses of one family for those of the other that they map to.
        if (mapped(outer) || mapped(inner)) return;
        expect(cidrHolds(a, b)).toBe(prefix <= innerPrefix && a.family === b.family && list.check(inner, b.family === 4 ? 'ipv4' : 'ipv6'));
      }),
      { numRuns: 1000 },
    );
    expect(['10.0.0.0', '10.0.0.0/', '10.0.0.0/08', '10.0.0.0/33', 'fd00::/129', '/8', 'x/8', '10.0.0/8'].map(parseCidr)).toEqual(Array.from({ length: 8 }, () => undefined));
  });
});
