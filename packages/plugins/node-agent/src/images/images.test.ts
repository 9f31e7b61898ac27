import type { ImageStatus, Secret } from '@orrery/core';
import { OrreryError } from '@orrery/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { surplusDead } from './dead-containers.js';
import { goDuration } from './go-duration.js';
import { keyringOf, lookUp } from './keyring.js';
import { bytesToFree, observeImages, removableImages } from './plan-collection.js';
import { PullBackOff } from './pull-back-off.js';
import { imageSettings } from './settings.js';
import { Turns } from './turns.js';

const secret = (auths: object, type = 'kubernetes.io/dockerconfigjson', name = 'pull'): Secret => {
  const [key, value] = type.endsWith('json') ? ['.dockerconfigjson', { auths }] : ['.dockercfg', auths];
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'default' }, type, data: { [key as string]: Buffer.from(JSON.stringify(value)).toString('base64') } } as Secret;
};
const as = (username: string) => ({ username, password: `of ${username}` });
const whoMay = (auths: object, image: string): (string | undefined)[] => lookUp(keyringOf([secret(auths)]).keyring, image).map(({ username }) => username);

describe('the keyring', () => {
  // From keyring_test.go: which place serves which image.
  it.each([
    ['hello.kubernetes.io', 'hello.kubernetes.io', true],
    ['*.docker.io', 'registry.docker.io', true],
    ['*.docker.io', 'docker.io', false],
    ['prefix.*.io', 'prefix.kubernetes.io', true],
    ['prefix.*.io', 'prefix.good.kubernetes.io', false],
    ['hello.*.io', 'hello.kubernetes.com', false],
    ['kubernetes.io:8080', 'kubernetes.io:8080/foo', true],
    ['kubernetes.io:8080', 'kubernetes.io/foo', false],
    ['kubernetes.io/foo', 'kubernetes.io/foo/bar', true],
    ['kubernetes.io/bar', 'kubernetes.io/foo', false],
    ['https://gcr.io', 'gcr.io/project/image', true],
    ['https://gcr.io/v1/project', 'gcr.io/project/image', true],
    ['http://gcr.io/v2/', 'gcr.io/project/image', true],
    ['https://index.docker.io/v1/', 'docker.io/library/nginx', true],
    ['index.docker.io', 'docker.io/team/app', true],
    ['docker.io', 'docker.io/team/app', true],
    ['https://index.docker.io/v1/', 'quay.io/team/app', false],
    ['a*b*c.io', 'axxbyyc.io/x', true],
    ['a*b*c.io', 'axxbyyd.io/x', false],
  ])('%s serves %s: %s', (place, image, serves) => {
    expect(whoMay({ [place]: as('anna') }, image)).toEqual(serves ? ['anna'] : []);
  });

  it('tries the most specific place first, and all that match', () => {
    const auths = { 'r.io': as('host'), 'r.io/team': as('team'), 'r.io/team/app': as('app'), '*.io': as('any') };
    expect(whoMay(auths, 'r.io/team/app')).toEqual(['app', 'team', 'host', 'any']);
    const { keyring } = keyringOf([secret({ 'r.io': as('first') }), secret({ 'r.io': as('second') })]);
    expect(lookUp(keyring, 'r.io/x').map(({ username }) => username)).toEqual(['first', 'second']);
  });

  it('reads both kinds of secret, and names and passwords in either form', () => {
    const auth = Buffer.from('anna:with:colons').toString('base64');
    const read = (entry: object, type?: string) => lookUp(keyringOf([secret({ 'r.io': entry }, type)]).keyring, 'r.io/x');
    expect(read({ auth, username: 'other' })).toEqual([{ username: 'anna', password: 'with:colons' }]);
    expect(read({ username: 'a', password: 'b', email: 'c' }, 'kubernetes.io/dockercfg')).toEqual([{ username: 'a', password: 'b' }]);
    expect(read({ identitytoken: 'i', registrytoken: 'r' })).toEqual([{ identityToken: 'i', registryToken: 'r' }]);
    expect(read({})).toEqual([]);
    expect(read({ username: 'a' }, 'Opaque')).toEqual([]);
  });

  it('names the secrets it cannot read, and nothing of what is in them', () => {
    const broken = (text: string): Secret => ({ ...secret({}, undefined, 'bad'), data: { '.dockerconfigjson': Buffer.from(text).toString('base64') } }) as Secret;
    for (const text of ['not json hunter2', '[]', '{"auths":5}', '{"auths":{"r.io":{"auth":"aHVudGVyMg=="}}}', '{"auths":{"r.io":"x"}}']) {
      expect(keyringOf([broken(text), secret({ 'r.io': as('anna') })])).toEqual({ keyring: new Map([['r.io', [as('anna')]]]), problems: ['bad'] });
    }
    const odd = { '__proto__x': as('a'), 'user:pass@r.io': as('b'), '': as('c'), 'r.io': as('d') };
    expect(whoMay(odd, 'r.io/x')).toEqual(['d']);
  });

  it('answers quickly whatever the places are', () => {
    fc.assert(fc.property(fc.string({ maxLength: 60 }), fc.string({ maxLength: 60 }), (place, image) => void whoMay({ [place]: as('a') }, image)));
    expect(whoMay({ [`${'*a'.repeat(100)}.io`]: as('a') }, `${'a'.repeat(250)}b.io/x`)).toEqual([]);
  });
});

describe('back-off', () => {
  it('doubles from 10 s to 5 minutes, goes on after a success, and is forgotten after 10 quiet minutes', () => {
    const backOff = new PullBackOff();
    let now = 1_000;
    const delays = [];
    for (let failure = 0; failure < 7; failure += 1) {
      expect(backOff.waiting('a', now)).toBeUndefined();
      backOff.failed('a', now, now, `failure ${failure}`);
      const waiting = backOff.waiting('a', now);
      expect(waiting?.said).toBe(`failure ${failure}`);
      delays.push((waiting?.until ?? 0) - now);
      expect(backOff.waiting('a', (waiting?.until ?? 0) - 1)).toBeDefined();
      now = waiting?.until ?? 0;
    }
    expect(delays).toEqual([10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
    expect(backOff.waiting('b', now)).toBeUndefined();
    now += 300_001;
    backOff.sweep(now);
    backOff.failed('a', now, now, 'again');
    expect((backOff.waiting('a', now)?.until ?? 0) - now).toBe(10_000);
  });

  it('counts pulls that were under way together once', () => {
    const backOff = new PullBackOff();
    backOff.failed('a', 0, 5_000, 'one');
    backOff.failed('a', 0, 6_000, 'two');
    expect(backOff.waiting('a', 6_000)).toEqual({ until: 15_000, said: 'one' });
  });
});

describe('goDuration', () => {
  it.each([[0, '0s'], [-5, '0s'], [0.4, '0s'], [250, '250ms'], [1_000, '1s'], [1_500, '1.5s'], [61_020, '1m1.02s'], [3_605_000, '1h0m5s']])('%d ms is %s', (ms, text) => {
    expect(goDuration(ms)).toBe(text);
  });
});

describe('Turns', () => {
  it('lets so many in at once, in order, and forgets who leaves', async () => {
    const turns = new Turns(2);
    const order: string[] = [];
    const ends: (() => void)[] = [];
    const never = new AbortController().signal;
    const enter = (name: string, signal = never): Promise<void> => turns.run(signal, () => (order.push(name), new Promise((resolve) => ends.push(resolve))));
    const leaving = new AbortController();
    const all = [enter('a'), enter('b'), enter('c', leaving.signal), enter('d')];
    leaving.abort();
    await expect(all[2]).rejects.toSatisfy((error) => OrreryError.is(error, 'ABORTED'));
    expect(order).toEqual(['a', 'b']);
    ends[0]?.();
    await all[0];
    await Promise.resolve();
    expect(order).toEqual(['a', 'b', 'd']);
    ends.forEach((end) => end());
    await Promise.all([all[1], all[3]]);
    await turns.run(never, async () => void order.push('e'));
    expect(order.at(-1)).toBe('e');
  });
});

const image = (id: string, sizeBytes = 100, pinned = false): ImageStatus => ({ id, reference: id, tags: [], digests: [], sizeBytes, pinned });

describe('collection of images', () => {
  it('remembers when an image came and when it was used last', () => {
    const images = [image('a'), image('b')];
    const first = observeImages(new Map(), images, new Set(['a']), 1_000, 0);
    expect([...first]).toEqual([['a', { firstSeen: 0, lastUsed: 1_000 }], ['b', { firstSeen: 0, lastUsed: 0 }]]);
    const second = observeImages(first, [image('b'), image('c')], new Set(['c']), 2_000);
    expect([...second]).toEqual([['b', { firstSeen: 0, lastUsed: 0 }], ['c', { firstSeen: 2_000, lastUsed: 2_000 }]]);
  });

  it('takes the least recently used first, never one in use, pinned or new', () => {
    const images = [image('used'), image('pinned', 100, true), image('new'), image('lately'), image('never-2'), image('never-1'), image('long ago')];
    const records = new Map([
      ['used', { firstSeen: 0, lastUsed: 0 }], ['pinned', { firstSeen: 0, lastUsed: 0 }], ['new', { firstSeen: 999_000, lastUsed: 0 }], ['lately', { firstSeen: 0, lastUsed: 900_000 }],
      ['never-2', { firstSeen: 20, lastUsed: 0 }], ['never-1', { firstSeen: 10, lastUsed: 0 }], ['long ago', { firstSeen: 0, lastUsed: 500 }],
    ]);
    const removable = removableImages({ images, records, inUse: new Set(['used']), now: 1_000_000, minAgeMs: 120_000 });
    expect(removable.map(({ id }) => id)).toEqual(['never-1', 'never-2', 'long ago', 'lately']);
  });

  it('never offers one in use or pinned, whatever the numbers', () => {
    const anyImage = fc.record({ id: fc.string({ maxLength: 3 }), pinned: fc.boolean(), used: fc.boolean(), firstSeen: fc.nat(100), lastUsed: fc.nat(100) });
    fc.assert(
      fc.property(fc.uniqueArray(anyImage, { selector: ({ id }) => id }), fc.nat(100), (all, minAgeMs) => {
        const removable = removableImages({ images: all, records: new Map(all.map((one) => [one.id, one])), inUse: new Set(all.filter(({ used }) => used).map(({ id }) => id)), now: 100, minAgeMs });
        expect(removable.every(({ pinned, used, firstSeen }) => !pinned && !used && 100 - firstSeen >= minAgeMs)).toBe(true);
        expect(removable.every(({ lastUsed }, index) => lastUsed >= (removable[index - 1]?.lastUsed ?? 0))).toBe(true);
      }),
    );
  });

  it.each([
    // capacity, available, high, low → bytes
    [1_000, 400, 85, 80, 0],
    [1_000, 151, 85, 80, 49],
    [1_000, 160, 85, 80, 0],
    [1_000, 150, 85, 80, 50],
    [1_000, 0, 85, 80, 200],
    [0, 0, 85, 80, 0],
    [1_000, 0, 100, 80, 0],
    [1_000, 2_000, 0, 0, 0],
  ])('of %d bytes, %d free, %d/%d %%: %d to free', (capacityBytes, availableBytes, high, low, bytes) => {
    expect(bytesToFree({ capacityBytes, availableBytes }, high, low)).toBe(bytes);
  });

  it('wants the thresholds in order', () => {
    expect(() => imageSettings({ imageGCHighThresholdPercent: 50 })).toThrow(/imageGCLowThresholdPercent/);
    expect(imageSettings()).toMatchObject({ imageGCHighThresholdPercent: 85, imageGCLowThresholdPercent: 80, imageMinimumGCAgeSeconds: 120 });
  });
});

describe('surplusDead', () => {
  const container = (uid: string, name: string, createdAt: number, state: 'running' | 'exited' = 'exited') => ({ id: `${uid}-${name}-${createdAt}`, name, pod: { uid, name: uid, namespace: 'default' }, state, createdAt });
  const ids = (list: readonly { id: string }[]): string[] => list.map(({ id }) => id);

  it('keeps all without a limit, and those that run always', () => {
    const all = [container('p', 'a', 1), container('p', 'a', 2, 'running')];
    expect(surplusDead(all, { maxContainers: -1, minAgeMs: 0 }, 10)).toEqual([]);
    expect(ids(surplusDead(all, { maxContainers: 0, minAgeMs: 0 }, 10))).toEqual(['p-a-1']);
    expect(surplusDead(all, { maxContainers: 0, minAgeMs: 10 }, 10)).toEqual([]);
  });

  it('takes evenly first, the newest of each stays', () => {
    const all = [container('p', 'a', 1), container('p', 'a', 2), container('p', 'a', 3), container('q', 'b', 0)];
    expect(ids(surplusDead(all, { maxContainers: 2, minAgeMs: 0 }, 10))).toEqual(['p-a-1', 'p-a-2']);
  });

  it('takes the oldest of all when one of each is too many', () => {
    const all = [container('p', 'a', 1), container('q', 'b', 2), container('r', 'c', 3)];
    expect(ids(surplusDead(all, { maxContainers: 2, minAgeMs: 0 }, 10))).toEqual(['p-a-1']);
  });
});
