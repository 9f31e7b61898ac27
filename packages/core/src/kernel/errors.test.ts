import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CODES, errorMessage, OrreryError } from './errors.js';

describe('the table of errors', () => {
  it('is what docs/errors.md says, row by row', () => {
    const page = readFileSync(new URL('../../../../docs/errors.md', import.meta.url), 'utf8');
    const rows = [...page.matchAll(/^\| `(\w+)` \| (yes|no) \| (.*) \|$/gm)].map(([, code, retry, why]) => [code, { retry: retry === 'yes', why }]);
    expect(Object.fromEntries(rows)).toEqual(CODES);
  });

  it('recognises errors by brand, so that two copies of the package agree', () => {
    const error = new OrreryError('CONFLICT', 'x', { a: 1 });
    expect(OrreryError.is(error, 'CONFLICT')).toBe(true);
    expect(OrreryError.is(error, 'EXPIRED')).toBe(false);
    expect(OrreryError.is(new Error('x'))).toBe(false);
    expect(OrreryError.is(null)).toBe(false);
    expect(error.retryable).toBe(true);
    expect(errorMessage('plain')).toBe('plain');
  });
});
