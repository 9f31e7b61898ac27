import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BestSlots } from './best-slots.js';

const write = fc.record({ slot: fc.nat(200), value: fc.integer({ min: -1, max: 4 }), many: fc.boolean() });

it('knows the greatest of all values, who has it, and in which order', () => {
  fc.assert(
    fc.property(fc.array(write, { maxLength: 80 }), (writes) => {
      const slots = new BestSlots();
      const values: number[] = [];
      for (const { slot, value, many } of writes) {
        slots.grow(slot + 1);
        while (values.length <= slot) values.push(-1);
        values[slot] = value;
        if (many) {
          slots.put(slot, value);
          slots.settle();
        } else slots.set(slot, value);
        const best = Math.max(...values);
        expect([slots.best, values.map((_, i) => slots.get(i))]).toEqual([best, values]);
        // Slots that are not in use have -1 too.
        if (best < 0) continue;
        const winners = values.flatMap((one, i) => (one === best ? [i] : []));
        expect(Array.from({ length: slots.ties }, (_, n) => slots.bestAt(n))).toEqual(winners);
      }
    }),
  );
});

it('is empty at first', () => {
  const slots = new BestSlots();
  expect([slots.best, slots.ties, slots.get(0)]).toEqual([-1, 0, -1]);
});
