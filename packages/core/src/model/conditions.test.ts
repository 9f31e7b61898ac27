import { describe, expect, it } from 'vitest';
import { withConditionSet } from './conditions.js';

const ready = { type: 'Ready', status: 'False', reason: 'ImageMissing', message: 'no such image', lastTransitionTime: '2026-01-01T00:00:00Z' };
const other = { type: 'Other', status: 'True', reason: 'Fine', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' };
const now = Date.UTC(2026, 0, 2);

describe('withConditionSet', () => {
  it('adds, keeps the place, and moves the time only when the status turns', () => {
    expect(withConditionSet(undefined, { type: 'Ready', status: 'True' }, now)).toEqual([{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-02T00:00:00Z' }]);
    expect(withConditionSet([ready, other], { type: 'Ready', status: 'False', reason: 'Worse' }, now)).toEqual([{ ...ready, reason: 'Worse' }, other]);
    expect(withConditionSet([ready, other], { type: 'Ready', status: 'True', reason: 'Started', message: '' }, now)).toEqual([
      { type: 'Ready', status: 'True', reason: 'Started', message: '', lastTransitionTime: '2026-01-02T00:00:00Z' },
      other,
    ]);
  });

  it('is the same array when nothing is new', () => {
    const conditions = [ready, other];
    expect(withConditionSet(conditions, { type: 'Ready', status: 'False' }, now)).toBe(conditions);
    expect(withConditionSet(conditions, { type: 'Ready', status: 'False', reason: 'ImageMissing', message: undefined }, now)).toBe(conditions);
  });

  it('does not keep the reason of the status before', () => {
    expect(withConditionSet([ready], { type: 'Ready', status: 'True', reason: undefined }, now)).toEqual([{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-02T00:00:00Z' }]);
  });
});
