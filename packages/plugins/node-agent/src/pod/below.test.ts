import fc from 'fast-check';
import { normalize } from 'node:path/posix';
import { describe, expect, it } from 'vitest';
import { cleanPath, isWithin, resolveBelow } from './below.js';

const part = fc.oneof(fc.constantFrom('', '.', '..', '...', 'a', '..b', '/', '\0'), fc.string({ maxLength: 4 }));
const path = fc.array(part, { maxLength: 6 }).map((parts) => parts.join('/'));

describe('paths below a folder', () => {
  it('never lead out of it, and are what they say', () => {
    fc.assert(
      fc.property(path, (relative) => {
        const found = resolveBelow('/root/x', relative);
        if (found === undefined) return;
        expect(found).toBe(`/root/x/${relative}`);
        expect(normalize(found)).toBe(found);
        expect(isWithin('/root/x', found) && found !== '/root/x').toBe(true);
      }),
    );
  });

  it('are not refused without a reason', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z.]{1,8}$/).filter((name) => name !== '.' && name !== '..'), { minLength: 1, maxLength: 6 }), (parts) => {
        expect(resolveBelow('/root', parts.join('/'))).toBe(`/root/${parts.join('/')}`);
      }),
    );
  });

  it.each([['/a', '/a', true], ['/a', '/a/b', true], ['/a', '/ab', false], ['/', '/x', true], ['/a/b', '/a', false]])('%s holds %s: %s', (root, inner, holds) => expect(isWithin(root, inner)).toBe(holds));
  it.each([['/a//b/', '/a/b'], ['/', '/'], ['//', '/'], ['/a/./b', '/a/b']])('%s is %s', (given, clean) => expect(cleanPath(given)).toBe(clean));
});
