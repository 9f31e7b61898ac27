import { X509Certificate } from 'node:crypto';
import { type CertifiedKey, type Random, silentLogger, systemRandom } from '@orrery/core';
import { VirtualClock } from '@orrery/core/testing';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { CertificateAuthority, renewalOf, RenewedCertificate } from './index.js';

const START = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;
let clock: VirtualClock;
let authority: CertificateAuthority;
beforeEach(async () => {
  clock = new VirtualClock(START);
  authority = await CertificateAuthority.open({ clock, random: systemRandom });
});

const issue = (days: number): Promise<CertifiedKey> => authority.issue({ subject: { commonName: 'n1' }, usages: ['client'], days });
/** Chance that always says the same. */
const always = (float: number): Random => ({ ...systemRandom, float: () => float });
const run = (obtain: () => Promise<CertifiedKey>, { known, chance = 0.5 }: { known?: CertifiedKey; chance?: number } = {}) => {
  const stop = new AbortController();
  const renewed = new RenewedCertificate({ name: 'test', obtain, ...(known !== undefined && { known }), clock, random: always(chance), log: silentLogger });
  let changes = 0;
  renewed.changed(() => (changes += 1));
  const ended = renewed.run(stop.signal);
  return { renewed, changes: () => changes, stop: async () => (stop.abort(), ended) };
};

describe('a renewed certificate', () => {
  it('is renewed between 70 and 90 percent of its life, as chance has it', async () => {
    const { cert } = await issue(100);
    const { validFrom, validTo } = new X509Certificate(cert);
    const life = Date.parse(validTo) - Date.parse(validFrom);
    expect([renewalOf(cert, 0), renewalOf(cert, 1)].map((time) => (time - Date.parse(validFrom)) / life)).toEqual([expect.closeTo(0.7, 9), expect.closeTo(0.9, 9)]);
  });

  it('is exchanged in time, again and again, and who uses it is told', async () => {
    let made = 0;
    const known = await issue(10);
    const { renewed, changes, stop } = run(() => ((made += 1), issue(10)), { known });
    expect(renewed.current()).toBe(known);
    await clock.advance(7.9 * DAY);
    expect([made, renewed.current()]).toEqual([0, known]);
    await clock.advance(0.2 * DAY);
    await vi.waitFor(() => expect([made, changes()]).toEqual([1, 1]));
    expect(renewed.current()?.cert).not.toBe(known.cert);
    // A year on there was never one that had ended.
    for (let day = 0; day < 365; day += 1) {
      await clock.advance(DAY);
      // Signing takes no time on this clock, but some on the machine's.
      await vi.waitFor(() => expect(Date.parse(new X509Certificate(renewed.current()?.cert ?? '').validTo)).toBeGreaterThan(clock.now() + DAY));
    }
    expect(made).toBeGreaterThan(40);
    expect(made).toBeLessThan(50);
    await stop();
  });

  it('is made at once where there is none, and tried again where it fails, the former one being used on', async () => {
    let failing = true;
    let tried = 0;
    const { renewed, changes, stop } = run(async () => {
      tried += 1;
      if (failing) throw new Error('nobody signs');
      return issue(10);
    });
    await clock.advance(10 * 60_000);
    expect(renewed.current()).toBeUndefined();
    expect(tried).toBeGreaterThan(8);
    expect(tried).toBeLessThan(20);
    failing = false;
    await clock.advance(60_000);
    await vi.waitFor(() => expect(changes()).toBe(1));
    const first = renewed.current();
    expect(first).toBeDefined();
    failing = true;
    await clock.advance(8.5 * DAY);
    expect(renewed.current()).toBe(first);
    failing = false;
    await clock.advance(60_000);
    await vi.waitFor(() => expect(renewed.current()).not.toBe(first));
    await stop();
  });

  it('leaves nothing behind when it is told to stop', async () => {
    const { stop } = run(() => issue(10), { known: await issue(10) });
    await stop();
    expect(clock.pending).toBe(0);
  });
});
