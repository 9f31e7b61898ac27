import { describe, expect, it } from 'vitest';
import { readDocument, readManifests } from './manifests.js';

const read = async (text: string): Promise<unknown> => (await readManifests(text))[0]?.value;

describe('manifests as kubectl reads them', () => {
  it('scalars of YAML 1.1, with dates and times of day as text', async () => {
    const text = [
      'words: [on, Off, yes, No, true, FALSE]', 'letters: [y, n]', 'numbers: [012, 0o17, 1_000, 0x1F, 0b11, 1e3, -3, 0.5]', 'dates: [2026-01-01, 2026-01-01T00:00:00Z]',
      'times: [12:30:45, 22:22]', 'nothing: [~, null]', 'quoted: ["on", \'012\', "1_000"]',
    ].join('\n');
    expect(await read(text)).toEqual({
      words: [true, false, true, false, true, false],
      letters: expect.anything() as unknown,
      numbers: [10, 15, 1000, 31, 3, 1000, -3, 0.5],
      dates: ['2026-01-01', '2026-01-01T00:00:00Z'],
      times: ['12:30:45', '22:22'],
      nothing: [null, null],
      quoted: ['on', '012', '1_000'],
    });
  });

  it('anchors, merge keys, block text, many documents, JSON and lists', async () => {
    expect(await read('a: &x {k: 1}\nb: {<<: *x, l: 2}\nc: |\n  one\n  two\n')).toEqual({ a: { k: 1 }, b: { k: 1, l: 2 }, c: 'one\ntwo\n' });
    expect((await readManifests('---\na: 1\n---\n# empty\n---\nb: 2\n')).map(({ source, value }) => [source, value])).toEqual([['document 1', { a: 1 }], ['document 3', { b: 2 }]]);
    expect((await readManifests('{"kind": "List", "items": [{"a": 1}, {"kind": "PodList", "items": [{"b": 2}]}]}')).map(({ source }) => source)).toEqual(['document 1, item 1', 'document 1, item 2, item 1']);
    expect((await readManifests([{ a: 1 }, { b: 2 }])).map(({ source }) => source)).toEqual(['manifest 1', 'manifest 2']);
  });

  it('one document stays as it is', async () => {
    expect(await readDocument('kind: List\nitems: [{a: 1}]')).toEqual({ kind: 'List', items: [{ a: 1 }] });
    expect([await readDocument(''), await readDocument('# nothing'), await readDocument('7')]).toEqual([undefined, undefined, 7]);
    await expect(readDocument('a: 1\n---\nb: 2')).rejects.toMatchObject({ reason: 'BadRequest', message: 'there are 2 documents where there must be one' });
    await expect(readDocument('['.repeat(100_000))).rejects.toMatchObject({ reason: 'BadRequest' });
  });

  it('what is no manifest is refused with its place, however deep it goes', async () => {
    await expect(readManifests('a: 1\n---\n- x')).rejects.toThrow(/document 2: a manifest must be an object, not a list/);
    await expect(readManifests('a: 1\n---\nb: {c: 1, c: 2}')).rejects.toThrow(/document 2, line 3/);
    let nested: object = { kind: 'List', items: [] };
    for (let i = 0; i < 50_000; i += 1) nested = { kind: 'List', items: [nested] };
    await expect(readManifests(nested)).rejects.toMatchObject({ reason: 'BadRequest' });
    const itself: Record<string, unknown> = { kind: 'Pod' };
    itself['spec'] = itself;
    await expect(readManifests(itself)).rejects.toMatchObject({ reason: 'BadRequest' });
    for (const bomb of ['['.repeat(1_000_000), '{a: '.repeat(100_000), '- '.repeat(1_000_000), '? '.repeat(100_000), `a: "["\nb:\n  ${'['.repeat(20_000)}`]) {
      await expect(readManifests(bomb)).rejects.toMatchObject({ reason: 'BadRequest', message: expect.stringMatching(/line \d: nested more than 200/) as unknown });
    }
    // What only looks like nesting is text.
    const text = '['.repeat(1_000);
    expect(await read(`a: "${text}"\nb: |\n  ${text}\nc: [${'[], '.repeat(500)}]\n# ${text}\nd: x${text}\n`)).toMatchObject({ a: text, b: `${text}\n`, d: `x${text}` });
  });

  it('takes time by the length of the text only, whatever is in it', async () => {
    const many = (count: number, line: (i: number) => string): string => Array.from({ length: count }, (_, i) => line(i)).join('\n');
    const keys = many(20_000, (i) => `k${i}: 1`);
    const merged = many(2_000, (i) => `  k${i}: 1`);
    const refused: readonly (readonly [text: string, says: RegExp])[] = [
      [`${keys}\nk7: 2`, /line 20001: Map keys must be unique/],
      ['a: 1\n"a": 2', /line 2: Map keys must be unique/],
      [`${many(1_500, (i) => `- &a${i} x`)}\n${many(1_500, (i) => `- *a${i}`)}`, /more than 1000 aliases/],
      [`a: &a\n${merged}\nb:\n${many(60, () => '- <<: *a')}`, /more than 100000 keys are merged/],
      [`a: &a\n${merged}\nb: &b {<<: [*a, *a]}\nc: &c {<<: [*b, *b, *b, *b, *b]}\nd: [{<<: *c}, {<<: *c}, {<<: *c}, {<<: *c}]`, /more than 100000 keys are merged/],
    ];
    for (const [text, says] of refused) await expect(readDocument(text)).rejects.toMatchObject({ reason: 'BadRequest', message: expect.stringMatching(says) as unknown });
    await expect(readDocument('---\n'.repeat(20_000))).rejects.toMatchObject({ reason: 'RequestEntityTooLarge' });
    expect(await readDocument('x: &x {a: 1}\nw: {<<: *x, <<: {b: 2}}\nz: !!omap [a: 1, b: 2]')).toEqual({ x: { a: 1 }, w: { a: 1, b: 2 }, z: [{ a: 1 }, { b: 2 }] });
    const began = performance.now();
    expect(Object.keys((await readDocument(keys)) as object)).toHaveLength(20_000);
    // With every key compared to every other it took as many seconds as now tenths.
    expect(performance.now() - began).toBeLessThan(2_000);
    await expect(readDocument('a: &a {<<: *a, b: 1}')).rejects.toMatchObject({ reason: 'BadRequest' });
  });
});
