import { expect, it } from 'vitest';
import type { Connection } from './connection.js';
import type { RouteState } from './route-state.js';
import { HandClock } from './test/hand-clock.js';
import { WaitingRoom } from './waiting-room.js';

it('does not let one that comes back wait beyond its own time, although only younger ones wait', () => {
  const clock = new HandClock();
  const endpoints: object[] = [];
  const state = { balancer: { route: { holdsRequests: true }, eligible: () => endpoints } } as unknown as RouteState;
  const connection = (): Connection => ({ client: { readableLength: 0 }, state, origin: 'internal', again: () => {} }) as unknown as Connection;
  const [old, young] = [connection(), connection()];
  const refused: Connection[] = [];
  const room = new WaitingRoom({ clock, maxHeld: 10, holdMs: 10_000, admit: () => {}, refuse: (one) => void refused.push(one) });
  room.hold(old);
  clock.advance(5_000);
  endpoints.push({});
  room.changed(state);
  expect(room.size).toBe(0);
  // The endpoint refuses it, but not at once: meanwhile there is none, and another comes.
  endpoints.pop();
  room.hold(young);
  clock.advance(1_000);
  room.hold(old);
  clock.advance(3_999);
  expect(refused).toEqual([]);
  clock.advance(1);
  expect(refused).toEqual([old]);
  clock.advance(5_000);
  expect(refused).toEqual([old, young]);
  expect(clock.timers.size).toBe(0);
});
