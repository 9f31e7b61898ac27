import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FairQueue, type Ticket } from './fair-queue.js';
import { PRIORITY_LEVELS } from './priority-levels.js';

const LEVEL = 'global-default';
const queueOf = <T>(seats: number, queueLength = 1_000) => new FairQueue<T>(PRIORITY_LEVELS, { seats, queueLength });

/** Requests that are done one after another by each worker of each client, in time that the test makes. */
interface Client {
  readonly flow: string;
  readonly workers: number;
  readonly width: number;
  readonly ms: number;
}
interface Job {
  readonly client: number;
  readonly at: number;
}
interface Outcome {
  /** Seat-milliseconds of each client. */
  readonly got: readonly number[];
  /** How long each request of each client waited. */
  readonly waits: readonly (readonly number[])[];
  readonly mostSeats: number;
}

function simulate(clients: readonly Client[], untilMs: number, seats: number, flowOf = (client: Client): string => client.flow): Outcome {
  const queue = queueOf<Job>(seats);
  const [got, waits, ends] = [clients.map(() => 0), clients.map((): number[] => []), [] as { at: number; began: number; ticket: Ticket<Job> }[]];
  let [now, mostSeats] = [0, 0];
  const begin = (): void => {
    for (let ticket = queue.next(); ticket !== undefined; ticket = queue.next()) {
      const { client, at } = ticket.item;
      waits[client]?.push(now - at);
      ends.push({ at: now + (clients[client]?.ms ?? 0), began: now, ticket });
    }
    mostSeats = Math.max(mostSeats, queue.states().reduce((sum, level) => sum + level.seats, 0));
  };
  const ask = (client: number): void => void queue.arrive(LEVEL, flowOf(clients[client] as Client), (clients[client] as Client).width, { client, at: now });
  clients.forEach(({ workers }, client) => Array.from({ length: workers }, () => ask(client)));
  begin();
  while (now < untilMs && ends.length > 0) {
    ends.sort((a, b) => b.at - a.at);
    const { at, began, ticket } = ends.pop() as (typeof ends)[number];
    now = at;
    queue.end(ticket, now - began);
    got[ticket.item.client] = (got[ticket.item.client] ?? 0) + ticket.width * (now - began);
    ask(ticket.item.client);
    begin();
  }
  return { got, waits, mostSeats };
}

describe('flows of one level', () => {
  it('that always have something waiting get the same, whatever they ask for and with how many connections', () => {
    const client = fc.record({ workers: fc.integer({ min: 60, max: 300 }), width: fc.integer({ min: 1, max: 3 }), ms: fc.integer({ min: 1, max: 40 }) });
    fc.assert(
      fc.property(fc.array(client, { minLength: 3, maxLength: 6 }), (some) => {
        const clients = some.map((one, i) => ({ ...one, flow: `user-${i}` }));
        const untilMs = 20_000;
        const { got, mostSeats } = simulate(clients, untilMs, 40);
        expect(mostSeats).toBeLessThanOrEqual(40);
        const [least, most] = [Math.min(...got), Math.max(...got)];
        // What is under way at the end, for each.
        expect(most - least).toBeLessThanOrEqual(0.05 * most + 2 * 40 * 40);
      }),
      { numRuns: 30 },
    );
  });

  it('a client that asks now and then waits for nobody who asks for everything', () => {
    const greedy: Client = { flow: 'greedy', workers: 200, width: 3, ms: 100 };
    const polite: Client = { flow: 'polite', workers: 1, width: 1, ms: 1 };
    const { waits } = simulate([greedy, polite], 5_000, 40);
    expect(Math.max(...(waits[1] ?? []))).toBeLessThanOrEqual(100);
    expect(waits[1]?.length).toBeGreaterThan(1_000);
    // Where all are one flow it waits for all of them.
    const unfair = simulate([greedy, polite], 5_000, 40, () => 'all');
    expect(unfair.waits[1]?.length).toBeLessThan(5);
  });

  it('one who never ends what it began leaves seats for the others', () => {
    const queue = queueOf<string>(40);
    for (let i = 0; i < 500; i += 1) queue.arrive(LEVEL, 'stuck', 1, 'stuck');
    while (queue.next() !== undefined);
    queue.arrive(LEVEL, 'other', 1, 'other');
    expect(queue.next()?.item).toBe('other');
  });
});

describe('levels', () => {
  const fill = (queue: FairQueue<string>, level: string, flows = 3): number => {
    for (let i = 0; i < 300; i += 1) queue.arrive(level, `f${i % flows}`, 1, level);
    let begun = 0;
    for (let next = queue.next(); next !== undefined; next = queue.next()) begun += 1;
    return begun;
  };

  it('have the seats that kube-apiserver gives them, and borrow what others lend', () => {
    const queue = queueOf<string>(600);
    // As kube-apiserver with 600 says it (apiserver_flowcontrol_nominal_limit_seats).
    expect(Object.fromEntries(queue.states().map(({ name, nominalSeats }) => [name, nominalSeats]))).toEqual({ 'node-high': 98, system: 74, 'leader-election': 25, 'workload-high': 98, 'workload-low': 245, 'global-default': 49, 'catch-all': 13 });
    const [own, most] = [49, queue.states().find(({ name }) => name === LEVEL)?.maxSeats ?? 0];
    const begun = fill(queue, LEVEL);
    expect(begun).toBeGreaterThan(own);
    expect(begun).toBe(Math.min(300, most));
  });

  it('get back what they lent before anybody borrows again', () => {
    const level = (name: string) => ({ name, shares: 1, lendablePercent: 100, queues: true });
    const queue = new FairQueue<string>([level('lends'), level('borrows')], { seats: 100, queueLength: 1_000 });
    const begin = (): Ticket<string>[] => {
      const begun = [];
      for (let next = queue.next(); next !== undefined; next = queue.next()) begun.push(next);
      return begun;
    };
    for (let i = 0; i < 600; i += 1) queue.arrive('borrows', `f${i % 3}`, 1, 'borrows');
    const borrowed = begin();
    expect(borrowed).toHaveLength(100);
    for (let i = 0; i < 60; i += 1) queue.arrive('lends', `f${i % 3}`, 5, 'lends');
    expect(begin()).toEqual([]);
    const order = borrowed.slice(0, 53).flatMap((ticket) => (queue.end(ticket, 5), begin()));
    expect(order.map(({ item }) => item)).toEqual([...Array.from({ length: 10 }, () => 'lends'), ...Array.from({ length: 3 }, () => 'borrows')]);
  });

  it('of which nobody may wait refuse at once', () => {
    const queue = queueOf<string>(100);
    let accepted = 0;
    while (queue.arrive('catch-all', 'x', 1, 'x') !== undefined) accepted += Number(queue.next() !== undefined);
    expect(accepted).toBeGreaterThan(0);
    expect(queue.states().find(({ name }) => name === 'catch-all')?.waiting).toBe(0);
  });
});

it('nothing is lost, begun twice or remembered, whatever comes, leaves and ends', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('arrive' as const), level: fc.constantFrom(...PRIORITY_LEVELS.map(({ name }) => name)), flow: fc.constantFrom('a', 'b', 'c', 'd'), width: fc.integer({ min: 1, max: 12 }) }),
    fc.record({ do: fc.constantFrom('leave' as const, 'end' as const), at: fc.nat(1_000) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), fc.integer({ min: 1, max: 60 }), (steps, seats) => {
      const queue = queueOf<number>(seats, 20);
      const waiting = new Map<number, Ticket<number>>();
      const running: Ticket<number>[] = [];
      let count = 0;
      const begin = (): void => {
        for (let next = queue.next(); next !== undefined; next = queue.next()) {
          expect(waiting.delete(next.item)).toBe(true);
          running.push(next);
        }
      };
      for (const one of steps) {
        if (one.do === 'arrive') {
          const ticket = queue.arrive(one.level, one.flow, one.width, (count += 1));
          if (ticket !== undefined) waiting.set(ticket.item, ticket);
        } else if (one.do === 'leave' && waiting.size > 0) {
          const ticket = [...waiting.values()][one.at % waiting.size] as Ticket<number>;
          expect(queue.leave(ticket)).toBe(true);
          waiting.delete(ticket.item);
          expect(queue.leave(ticket)).toBe(false);
        } else if (one.do === 'end' && running.length > 0) {
          const [ticket] = running.splice(one.at % running.length, 1) as [Ticket<number>];
          expect(queue.end(ticket, one.at)).toBe(true);
          expect(queue.end(ticket, one.at)).toBe(false);
        }
        begin();
        const states = queue.states();
        expect(states.reduce((sum, level) => sum + level.seats, 0)).toBe(running.reduce((sum, { width }) => sum + width, 0));
        expect(states.reduce((sum, level) => sum + level.waiting, 0)).toBe(waiting.size);
        // Somebody is always served where somebody waits.
        if (waiting.size > 0) expect(running.length).toBeGreaterThan(0);
      }
      for (let ticket = running.pop(); ticket !== undefined; ticket = running.pop()) {
        queue.end(ticket, 1);
        begin();
      }
      expect(waiting.size).toBe(0);
      expect(queue.flows).toBe(0);
    }),
    { numRuns: 200 },
  );
});
