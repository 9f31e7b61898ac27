import { expect, it } from 'vitest';
import { healthOf, healthOfOne } from './health.js';
import { Query } from './query.js';

const checks = [
  { name: 'ping', check: async () => undefined },
  { name: 'objects', check: async () => Promise.reject(new Error('a secret reason')) },
];
const ask = (query: string) => healthOf('readyz', checks, new Query(query));

it('is told in the words of kube-apiserver, without reasons', async () => {
  expect(await ask('')).toEqual({ code: 500, text: '[+]ping ok\n[-]objects failed: reason withheld\nreadyz check failed\n' });
  expect(await ask('exclude=objects')).toEqual({ code: 200, text: 'ok' });
  expect(await ask('exclude=objects&verbose')).toEqual({ code: 200, text: '[+]ping ok\n[+]objects excluded: ok\nreadyz check passed\n' });
  expect((await ask('exclude=ping&exclude=objects&verbose=true')).text).toBe('[+]ping excluded: ok\n[+]objects excluded: ok\nreadyz check passed\n');
  expect((await ask('exclude=objects&exclude=none&verbose')).text).toBe('[+]ping ok\n[+]objects excluded: ok\nwarn: some health checks cannot be excluded: no matches for "none"\nreadyz check passed\n');
});

it('of one check can be asked by itself', async () => {
  expect(await Promise.all(checks.map((check) => healthOfOne(check)))).toEqual([
    { code: 200, text: 'ok' },
    { code: 500, text: 'internal server error: reason withheld\n' },
  ]);
});
