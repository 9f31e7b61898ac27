import { type ContainerStats, silentLogger } from '@orrery/core';
import { VirtualClock } from '@orrery/core/testing';
import { expect, it } from 'vitest';
import { UsageSource } from './usage-source.js';

const pod = { namespace: 'default', name: 'web', uid: 'u1' };

/** A container whose use of cpu follows `millis`, sampled every `periodMs`. */
function sampled(periodMs: number) {
  const clock = new VirtualClock();
  const state = { millis: 0, nanoseconds: 0, at: clock.monotonic() };
  const stats = async (): Promise<readonly ContainerStats[]> => {
    state.nanoseconds += (clock.monotonic() - state.at) * state.millis * 1000;
    state.at = clock.monotonic();
    return [{ containerId: 'c1', pod, name: 'c', timestamp: clock.now(), cpuNanoseconds: state.nanoseconds, workingSetBytes: 1 } as unknown as ContainerStats];
  };
  const runtime = { capabilities: { stats: true }, stats } as unknown as ConstructorParameters<typeof UsageSource>[0]['runtime'];
  const source = new UsageSource({ node: 'n1', runtime, meter: undefined, clock, log: silentLogger, isMine: () => true, busy: () => true });
  const abort = new AbortController();
  const running = source.run(periodMs, abort.signal);
  const stop = async (): Promise<void> => {
    abort.abort();
    await running;
  };
  return { clock, state, source, stop, use: () => source.pods()[0]?.containers[0]?.cpuMillis };
}

it.each([500, 1_000, 15_000])('follows the use of the last %i ms, however short the period', async (periodMs) => {
  const { clock, state, stop, use, source } = sampled(periodMs);
  state.millis = 400;
  await clock.advance(10 * periodMs);
  expect(use()).toBe(400);
  state.millis = 50;
  await clock.advance(2 * periodMs);
  expect(use()).toBe(50);
  expect(source.pods()[0]?.windowMs).toBe(periodMs);
  await stop();
});

it('a sample in between for another reason does not make the window too short to mean something', async () => {
  const { clock, stop, source } = sampled(15_000);
  await clock.advance(45_000);
  await clock.advance(1_000);
  await source.containers(0, new AbortController().signal);
  expect(source.pods()[0]?.windowMs).toBe(16_000);
  await stop();
});

it('nor ever longer, when there are many of them', async () => {
  const { clock, stop, source, state, use } = sampled(15_000);
  state.millis = 900;
  await clock.advance(45_000);
  state.millis = 100;
  for (let i = 0; i < 30; i += 1) {
    await clock.advance(2_000);
    await source.containers(0, new AbortController().signal);
  }
  expect(use()).toBe(100);
  expect(source.pods()[0]?.windowMs).toBeLessThanOrEqual(7_000);
  expect(source.pods()[0]?.windowMs).toBeGreaterThanOrEqual(5_000);
  await stop();
});
