import { describe, expect, it } from 'vitest';
import { Pod } from '../model/kinds/pod.js';
import { planDeletion } from './delete.js';

const now = Date.UTC(2026, 0, 1);
const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { nodeName: 'n', containers: [] }, status: { phase: 'Running' } } as unknown as Pod;
const deletedAt = (gracePeriodSeconds: number): string | undefined => planDeletion(Pod, pod, { gracePeriodSeconds }, now).object.metadata.deletionTimestamp;

describe('planDeletion', () => {
  it('tells a time that can be told, whatever grace is asked for', () => {
    expect(deletedAt(30)).toBe('2026-01-01T00:00:30Z');
    expect(deletedAt(-1)).toBe('2026-01-01T00:00:01Z');
    for (const seconds of [1e12, Number.MAX_SAFE_INTEGER, 1e300]) expect(deletedAt(seconds)).toBe('9999-12-31T23:59:59Z');
  });
});
