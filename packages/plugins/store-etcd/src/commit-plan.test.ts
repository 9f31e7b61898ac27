import { OrreryError } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import { behindFence, planCommit, readAnswer } from './commit-plan.js';
import { encodeValue, Layout, tagOf, toEntry } from './layout.js';
import type { Header, KeyValue, TxnResponse } from './messages.js';

const layout = new Layout('/t/');
const header: Header = { clusterId: 1, memberId: 1, revision: 9, raftTerm: 1 };
const refused = (...found: (Partial<KeyValue> | undefined)[]): TxnResponse => ({
  header,
  succeeded: false,
  responses: found.map((kv) => ({ responseRange: { kvs: kv === undefined ? [] : [kv as KeyValue], more: false, count: 0 } })),
});
const stored = (key: string, tag: string, modRevision: number): Partial<KeyValue> => ({ key: layout.key(key), value: encodeValue(key, { n: 1 }, tag, 100), createRevision: 2, modRevision });

describe('a commit as a transaction of etcd', () => {
  const plan = planCommit(layout, { guards: [{ key: '/a', modRevision: 3 }, { lease: 'l', epoch: 5 }], writes: [{ key: '/a', value: { n: 2 } }, { key: '/b', delete: true }] }, 'x.1', 100);

  it('depends on its guards and the fence, and reads what the guards are about', () => {
    const request = behindFence(plan.request, layout.fence('f'));
    expect(request.compare.map(({ key, modRevision }) => [key.toString(), modRevision])).toEqual([['/t/keys//a', 3], ['/t/leases/l', 5], ['/t/fences/f', 0]]);
    expect(request.failure).toHaveLength(2);
    expect(plan.fenced).toBe(true);
  });

  it('names the first guard that does not hold, and what is there', () => {
    expect(readAnswer(layout, plan, refused(stored('/a', 'y.7', 4), { modRevision: 5 }))).toEqual({
      ok: false,
      guard: { key: '/a', modRevision: 3 },
      found: { key: '/a', value: { n: 1 }, createRevision: 2, modRevision: 4 },
    });
    expect(readAnswer(layout, plan, refused(stored('/a', 'y.7', 3), { modRevision: 6, value: Buffer.from('{}') }))).toEqual({ ok: false, guard: { lease: 'l', epoch: 5 } });
    expect(readAnswer(layout, plan, refused(undefined, undefined))).toEqual({ ok: false, guard: { key: '/a', modRevision: 3 } });
  });

  it('is no conflict with itself when it reached etcd twice', () => {
    expect(readAnswer(layout, plan, refused(stored('/a', 'x.1', 4), { modRevision: 5 }))).toEqual({ ok: true, revision: 4 });
  });

  it('was stopped by the fence when all its guards hold', () => {
    expect(readAnswer(layout, plan, refused(stored('/a', 'y.7', 3), { modRevision: 5, value: Buffer.from('{}') }))).toBeUndefined();
  });

  it('has a tag even when it only deletes, and fits into 128 operations', () => {
    const drop = (count: number) => planCommit(layout, { guards: [], writes: Array.from({ length: count }, (_, i) => ({ key: `/${i}`, delete: true as const })) }, 'x.2', 100);
    expect(drop(1).request.success.at(-1)).toEqual({ requestPut: { key: layout.mark, value: Buffer.from('{}\n#x.2') } });
    expect([drop(127).request.success.length, drop(127).fenced, drop(128).request.success.length, drop(128).fenced]).toEqual([128, true, 128, false]);
    const guards = Array.from({ length: 128 }, (_, i) => ({ key: `/${i}`, modRevision: 0 }));
    expect(planCommit(layout, { guards, writes: [{ key: '/a', value: {} }] }, 'x.3', 100).fenced).toBe(false);
  });
});

describe('a value in etcd', () => {
  it('is its JSON and the tag of its commit; the tag is not part of it', () => {
    for (const text of ['\n#', '#', 'a\n#b\n', '']) {
      const bytes = encodeValue('/a', { text }, 'x.9', 100);
      expect(tagOf(bytes)).toBe('x.9');
      expect(toEntry(layout, { key: layout.key('/a'), value: bytes, createRevision: 1, modRevision: 1, lease: 0 }).value).toEqual({ text });
    }
  });

  it('may be written by hand, but must be a JSON object', () => {
    const entry = (text: string) => () => toEntry(layout, { key: layout.key('/a'), value: Buffer.from(text), createRevision: 1, modRevision: 1, lease: 0 }).value;
    expect(entry('{\n  "n": 1\n}\n')()).toEqual({ n: 1 });
    for (const damaged of ['', '[]', 'null', '3', '{"n":', 'text']) expect(entry(damaged)).toThrow(/\/a is not a JSON object/);
  });

  it('is refused when it is too large, by name', () => {
    expect(() => encodeValue('/big', { filler: 'x'.repeat(100) }, 'x.1', 100)).toThrow(expect.toSatisfy((error: unknown) => OrreryError.is(error, 'INVALID') && String(error).includes('/big')));
  });
});
