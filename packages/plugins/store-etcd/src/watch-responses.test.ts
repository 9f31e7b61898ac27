import { OrreryError } from '@orrery/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeValue, Layout } from './layout.js';
import type { KeyValue, WireEvent } from './messages.js';
import { eventsOf, WatchResponses } from './watch-responses.js';

const layout = new Layout('/t/');
const kv = (key: string, createRevision: number, modRevision: number, n = modRevision): KeyValue => ({ key: layout.key(key), value: encodeValue(key, { n }, 'x.1', 100), createRevision, modRevision, lease: 0 });
const put = (key: string, revision: number): WireEvent => ({ type: 'PUT', kv: kv(key, revision, revision), prevKv: null });

describe('the responses of a watch', () => {
  it('are joined to whole revisions however they are cut into fragments', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 5 })), { minLength: 1, maxLength: 10 }), fc.infiniteStream(fc.boolean()), (steps, cuts) => {
        let revision = 0;
        const expected = steps.map(([gap, count]) => ({ revision: (revision += gap), events: Array.from({ length: count }, (_, i) => put(`/${i}`, revision)) }));
        const all = expected.flatMap(({ events }) => events);
        const responses = new WatchResponses();
        const told: unknown[] = [];
        let rest = all;
        while (rest.length > 0) {
          // etcd ends a response between events only where it says that more of it follows.
          const size = cuts.next().value === true ? 1 + (rest.length >> 1) : 1;
          const fragment = size < rest.length;
          told.push(...responses.take({ events: rest.slice(0, size), fragment }));
          rest = rest.slice(size);
        }
        expect(told).toEqual(expected);
      }),
    );
  });

  it('are told with the state before, and never without it', () => {
    const updated: WireEvent = { type: 'PUT', kv: kv('/a', 3, 5), prevKv: kv('/a', 3, 4) };
    const deleted: WireEvent = { type: 'DELETE', kv: { ...kv('/a', 0, 6), value: Buffer.alloc(0) }, prevKv: kv('/a', 3, 5) };
    expect(eventsOf(layout, [put('/a', 3)])).toEqual([{ type: 'put', key: '/a', value: { n: 3 }, previousRevision: 0, createRevision: 3, modRevision: 3 }]);
    expect(eventsOf(layout, [updated])).toEqual([{ type: 'put', key: '/a', value: { n: 5 }, previous: { n: 4 }, previousRevision: 4, createRevision: 3, modRevision: 5 }]);
    expect(eventsOf(layout, [deleted])).toEqual([{ type: 'delete', key: '/a', value: { n: 5 }, previous: { n: 5 }, previousRevision: 5, createRevision: 3, modRevision: 6 }]);
    for (const wire of [updated, deleted]) {
      expect(() => eventsOf(layout, [{ ...wire, prevKv: null }])).toThrow(expect.toSatisfy((error: unknown) => OrreryError.is(error, 'EXPIRED')));
    }
  });

  it('of the mark alone are a revision without events', () => {
    expect(eventsOf(layout, [{ type: 'PUT', kv: { ...kv('', 2, 7) }, prevKv: null }])).toEqual([]);
  });
});
