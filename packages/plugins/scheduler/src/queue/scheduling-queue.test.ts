import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aPod } from '../test-support/objects.js';
import { VirtualClock } from '../test-support/virtual-clock.js';
import { KeyedHeap } from './heap.js';
import { DEFAULT_QUEUE_TIMES, SchedulingQueue, type WaitingPod } from './scheduling-queue.js';

const queue = () => {
  const clock = new VirtualClock();
  return { clock, waiting: new SchedulingQueue(clock, DEFAULT_QUEUE_TIMES) };
};
const NODE = new Set(['node-changes'] as const);

describe('KeyedHeap', () => {
  it('gives items in order, whatever was pushed, replaced and removed', () => {
    const action = fc.oneof(
      fc.record({ do: fc.constant('push' as const), key: fc.integer({ min: 0, max: 15 }), rank: fc.integer({ min: 0, max: 9 }) }),
      fc.record({ do: fc.constant('remove' as const), key: fc.integer({ min: 0, max: 15 }) }),
      fc.record({ do: fc.constant('pop' as const) }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
        const heap = new KeyedHeap<{ key: string; rank: number }>(({ key }) => key, (a, b) => a.rank < b.rank);
        const model = new Map<string, number>();
        const least = (): number | undefined => (model.size === 0 ? undefined : Math.min(...model.values()));
        const pop = (): void => {
          const wanted = least();
          const item = heap.pop();
          expect(item?.rank).toBe(wanted);
          if (item !== undefined) {
            expect(model.get(item.key)).toBe(item.rank);
            model.delete(item.key);
          }
        };
        for (const one of actions) {
          if (one.do === 'push') {
            heap.push({ key: `${one.key}`, rank: one.rank });
            model.set(`${one.key}`, one.rank);
          } else if (one.do === 'remove') expect(heap.remove(`${one.key}`) !== undefined).toBe(model.delete(`${one.key}`));
          else pop();
          expect(heap.size).toBe(model.size);
        }
        while (model.size > 0) pop();
        expect(heap.pop()).toBeUndefined();
      }),
    );
  });
});

describe('SchedulingQueue', () => {
  it('orders by priority, then by waiting time', async () => {
    const { clock, waiting } = queue();
    waiting.add(aPod('first'));
    await clock.advance(5);
    waiting.add(aPod('second'));
    waiting.add(aPod('urgent', { spec: { priority: 5 } }));
    expect([waiting.pop(), waiting.pop(), waiting.pop(), waiting.pop()].map((one) => one?.pod.metadata.name)).toEqual(['urgent', 'first', 'second', undefined]);
  });

  it('keeps a parked pod until it is woken, and then for the rest of its back-off', async () => {
    const { clock, waiting } = queue();
    waiting.add(aPod('p'));
    waiting.park(waiting.pop() as WaitingPod, { classKey: 'class', retryWhen: NODE });
    await clock.advance(100);
    expect(waiting.ready).toBe(false);
    waiting.wake(({ retryWhen }) => retryWhen.has('pod-changes'));
    expect(waiting.counts).toEqual({ active: 0, backingOff: 0, parked: 1 });
    waiting.wake(({ retryWhen }) => retryWhen.has('node-changes'));
    expect(waiting.counts).toEqual({ active: 0, backingOff: 1, parked: 0 });
    expect(waiting.nextWakeAt()).toBe(1_000);
    await clock.advance(900);
    expect(waiting.ready).toBe(true);
    expect(waiting.pop()?.attempts).toBe(2);
  });

  it('tries a pod at once when it changed, without back-off', () => {
    const { waiting } = queue();
    const pod = aPod('p');
    waiting.add(pod);
    waiting.park(waiting.pop() as WaitingPod, { classKey: 'class', retryWhen: NODE });
    waiting.add({ ...pod, metadata: { ...pod.metadata, labels: { changed: 'yes' } } });
    expect(waiting.counts).toEqual({ active: 1, backingOff: 0, parked: 0 });
    expect(waiting.pop()?.pod.metadata.labels).toEqual({ changed: 'yes' });
  });

  it('sweeps up what has been parked for five minutes', async () => {
    const { clock, waiting } = queue();
    waiting.add(aPod('p'));
    waiting.park(waiting.pop() as WaitingPod, { classKey: 'class', retryWhen: new Set(['never'] as const) });
    expect(waiting.nextWakeAt()).toBe(300_000);
    await clock.advance(299_999);
    waiting.sweep();
    expect(waiting.ready).toBe(false);
    await clock.advance(1);
    waiting.sweep();
    expect(waiting.ready).toBe(true);
  });

  it('forgets a pod wherever it is', () => {
    const { waiting } = queue();
    const pods = ['active', 'parked', 'late'].map((name) => aPod(name));
    for (const pod of pods) waiting.add(pod);
    const [a, b] = [waiting.pop() as WaitingPod, waiting.pop() as WaitingPod];
    waiting.park(a, { classKey: 'class', retryWhen: NODE });
    waiting.retryLater(b);
    expect(waiting.size).toBe(3);
    for (const pod of pods) waiting.remove(pod.metadata.uid ?? '');
    expect([waiting.size, waiting.counts]).toEqual([0, { active: 0, backingOff: 0, parked: 0 }]);
  });

  it('takes over a new order', () => {
    const clock = new VirtualClock();
    let sign = 1;
    const waiting = new SchedulingQueue(clock, DEFAULT_QUEUE_TIMES, (a, b) => sign * (a.priority - b.priority));
    for (const priority of [3, 1, 2]) waiting.add(aPod(`p${priority}`, { spec: { priority } }));
    sign = -1;
    waiting.resort();
    expect([waiting.pop()?.priority, waiting.pop()?.priority, waiting.pop()?.priority]).toEqual([3, 2, 1]);
  });
});
