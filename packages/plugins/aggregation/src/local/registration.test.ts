import { ApiError, type Client, type KindDefinition, silentLogger } from '@orrery/core';
import { VirtualClock } from '@orrery/core/testing';
import { expect, it } from 'vitest';
import type { APIService } from '../kind/api-service.js';
import { LocalRegistration } from './registration.js';

interface Handler {
  added(one: APIService): void;
  deleted(one: APIService): void;
}

/** A cluster in which APIServices can be written, unless `refuse` says otherwise. */
function cluster(refuse: (name: string) => boolean) {
  const there = new Map<string, APIService>();
  const handlers = new Set<Handler>();
  const writes: string[] = [];
  const remove = (name: string): void => {
    const one = there.get(name) as APIService;
    there.delete(name);
    for (const handler of handlers) handler.deleted(one);
  };
  const verbs = {
    create: async (one: APIService) => {
      const { name = '' } = one.metadata;
      writes.push(name);
      if (refuse(name)) throw new ApiError('ServiceUnavailable', 'the store is away');
      there.set(name, one);
      for (const handler of handlers) handler.added(one);
    },
  };
  const kinds = { list: () => [{ group: '', version: 'v1' }, { group: 'apps', version: 'v1' }, { group: 'batch', version: 'v1' }] as unknown as KindDefinition[], onAnnounced: () => () => {}, onWithdrawn: () => () => {} };
  const informer = { synced: async () => {}, lister: { list: () => [...there.values()] }, subscribe: (handler: Handler) => (handlers.add(handler), () => void handlers.delete(handler)) };
  return { there, writes, remove, handlers, parts: { kinds, informer: informer as never, client: { kind: () => verbs } as unknown as Client, log: silentLogger } };
}

it('what cannot be written is tried again, keeps nothing else from being written, and is no reason not to start', async () => {
  const clock = new VirtualClock();
  let isAway = true;
  let published = 0;
  const { there, handlers, parts } = cluster((name) => isAway && name === 'v1.apps');
  const publish = async (): Promise<void> => {
    published += 1;
    if (isAway) throw new ApiError('Forbidden', 'a webhook says no');
  };
  const end = new AbortController();
  let isReady = false;
  const running = new LocalRegistration({ ...parts, clock, publish }).run(end.signal, () => (isReady = true));
  await clock.advance(10);
  expect([isReady, [...there.keys()], published]).toEqual([true, ['v1.', 'v1.batch'], 1]);
  isAway = false;
  await clock.advance(5_000);
  expect([[...there.keys()], published]).toEqual([['v1.', 'v1.batch', 'v1.apps'], 2]);
  end.abort();
  await running;
  expect([handlers.size, clock.pending]).toEqual([0, 0]);
});

it('another server that takes away what this one writes is answered once a second at most', async () => {
  const clock = new VirtualClock();
  const { writes, remove, there, parts } = cluster(() => false);
  const end = new AbortController();
  const running = new LocalRegistration({ ...parts, clock, publish: async () => {} }).run(end.signal, () => {});
  for (let i = 0; i < 100; i += 1) {
    await clock.advance(100);
    if (there.has('v1.batch')) remove('v1.batch');
  }
  end.abort();
  await running;
  const fights = writes.filter((name) => name === 'v1.batch').length;
  expect(fights).toBeGreaterThan(5);
  expect(fights).toBeLessThan(12);
});
