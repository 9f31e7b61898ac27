import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { builtinKinds, defineKind, Event, humanDuration, type KubeObject, Pod, tableOf } from '../../index.js';

const NOW = Date.UTC(2026, 0, 2);

describe('tables', () => {
  it.each([
    [-5_000, '<invalid>'], [-500, '0s'], [0, '0s'], [119_000, '119s'], [120_000, '2m'], [125_000, '2m5s'], [10 * 60_000 + 1_000, '10m'], [179 * 60_000, '179m'], [180 * 60_000, '3h'],
    [181 * 60_000, '3h1m'], [8 * 3_600_000, '8h'], [47 * 3_600_000, '47h'], [49 * 3_600_000, '2d1h'], [48 * 3_600_000, '2d'], [200 * 3_600_000, '8d'], [729 * 86_400_000, '729d'], [731 * 86_400_000, '2y1d'], [3_000 * 86_400_000, '8y'],
  ])('%d ms is %s', (millis, text) => expect(humanDuration(millis)).toBe(text));

  it('show own columns of own kinds, and the age last', () => {
    const Game = defineKind({
      group: 'play.example.com', version: 'v1', kind: 'Game', spec: z.object({ seats: z.int(), since: z.string().optional() }),
      columns: [{ name: 'Seats', type: 'integer', jsonPath: '.spec.seats' }, { name: 'Since', type: 'date', jsonPath: '.spec.since', priority: 1 }],
    });
    const game = { apiVersion: 'play.example.com/v1', kind: 'Game', metadata: { name: 'chess', creationTimestamp: '2026-01-01T00:00:00Z' }, spec: { seats: 2 } };
    const table = tableOf(Game, { apiVersion: 'play.example.com/v1', kind: 'GameList', metadata: { resourceVersion: '7', continue: 'more', remainingItemCount: 3 }, items: [game] }, { now: NOW });
    expect(table.columnDefinitions.map(({ name, priority }) => [name, priority])).toEqual([['Name', 0], ['Seats', 0], ['Since', 1], ['Age', 0]]);
    expect(table).toMatchObject({ metadata: { resourceVersion: '7', continue: 'more', remainingItemCount: 3 }, rows: [{ cells: ['chess', 2, null, '24h'], object: { kind: 'PartialObjectMetadata', metadata: { name: 'chess' } } }] });
    expect(tableOf(Game, game, { now: NOW, include: 'None' }).rows[0]?.object).toBeNull();
  });

  it('tell when a pod restarted last, and that one has ended', () => {
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [{ name: 'c' }] }, status: { phase: 'Failed', containerStatuses: [{ name: 'c', restartCount: 3, lastState: { terminated: { exitCode: 1, finishedAt: '2026-01-01T23:00:00Z' } }, state: { terminated: { exitCode: 1, reason: 'Error' } } }] } } as unknown as Pod;
    const [row] = tableOf(Pod as never, pod, { now: NOW }).rows;
    expect(row?.cells.slice(1, 4)).toEqual(['0/1', 'Error', '3 (60m ago)']);
    expect(row?.conditions).toMatchObject([{ type: 'Completed', reason: 'Failed' }]);
  });

  it('of events begin with when they were seen, and tell their names only when all is told', () => {
    const event = { apiVersion: 'v1', kind: 'Event', metadata: { name: 'p.1', creationTimestamp: '2026-01-01T00:00:00Z' }, involvedObject: { kind: 'Pod', name: 'p' }, message: 'm' };
    const { columnDefinitions, rows } = tableOf(Event as never, Event.schema.parse(event) as KubeObject, { now: NOW });
    expect(columnDefinitions.map(({ name, priority, format }) => `${name} ${priority} ${format}`.trim())).toEqual([
      'Last Seen 0', 'Type 0', 'Reason 0', 'Object 0', 'Subobject 1', 'Source 1', 'Message 0', 'First Seen 1', 'Count 1', 'Name 1 name',
    ]);
    expect([rows[0]?.cells[3], rows[0]?.cells.at(-1)]).toEqual(['pod/p', 'p.1']);
  });

  it('are made of any object that decodes, however little is in it', () => {
    fc.assert(
      fc.property(fc.constantFrom(...builtinKinds), fc.boolean(), (kind, deleting) => {
        const given = { apiVersion: kind.apiVersion, kind: kind.kind, metadata: { name: 'x', ...(deleting && { deletionTimestamp: '2026-01-01T00:00:00Z' }) } };
        const parsed = kind.schema.safeParse(given);
        fc.pre(parsed.success);
        const table = tableOf(kind, parsed.data as KubeObject, { now: NOW });
        expect(table.rows[0]?.cells).toHaveLength(table.columnDefinitions.length);
        expect(table.rows[0]?.cells.some((cell) => cell === undefined)).toBe(false);
      }),
    );
  });
});
