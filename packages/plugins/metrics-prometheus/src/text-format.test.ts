import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseMetrics } from './text-format.js';

describe('the text format', () => {
  it('is read as its documentation shows it', () => {
    const text = [
      '# HELP http_requests_total The total number of HTTP requests.',
      '# TYPE http_requests_total counter',
      'http_requests_total{method="post",code="200"} 1027 1395066363000',
      'http_requests_total{method="post",code="400"}    3 1395066363000',
      '',
      '# Escaping in label values:',
      String.raw`msdos_file_access_time_seconds{path="C:\\DIR\\FILE.TXT",error="Cannot find file:\n\"FILE.TXT\""} 1.458255915e9`,
      'metric_without_timestamp_and_labels 12.47',
      'something_weird{problem="division by zero"} +Inf -3982045',
      '# TYPE rpc_duration_seconds summary',
      'rpc_duration_seconds{quantile="0.01",} 3102',
      '# TYPE jobs counter',
      'jobs_total{} .5 # {trace="x"} 1',
      'not_a_number NaN',
    ].join('\n');
    const series = parseMetrics(text).map(({ name, labels, value, isCounter }) => [name, { ...labels }, value, isCounter]);
    expect(series).toEqual([
      ['http_requests_total', { method: 'post', code: '200' }, 1027, true],
      ['http_requests_total', { method: 'post', code: '400' }, 3, true],
      ['msdos_file_access_time_seconds', { path: 'C:\\DIR\\FILE.TXT', error: 'Cannot find file:\n"FILE.TXT"' }, 1.458255915e9, false],
      ['metric_without_timestamp_and_labels', {}, 12.47, false],
      ['rpc_duration_seconds', { quantile: '0.01' }, 3102, false],
      ['jobs_total', {}, 0.5, true],
    ]);
  });

  it.each(['1x 2', 'x', 'x{a=1} 2', 'x{a="1" 2', 'x{a="1"b="2"} 3', 'x 0x10', 'x 1_000', 'x{a="\n"} 1'])('is refused where it is none: %j', (text) => {
    expect(() => parseMetrics(`good 1\n${text}`)).toThrow(/^line 2 is no metric/);
  });

  it('knows what of histograms and summaries only grows', () => {
    const text = '# TYPE took histogram\ntook_bucket{le="1"} 3\ntook_sum 4\ntook_count 5\n# TYPE size summary\nsize{quantile="0.5"} 1\nsize_sum 2\nsize_count 3\n# TYPE temperature_count gauge\ntemperature_count 1\n';
    expect(parseMetrics(text).filter(({ isCounter }) => isCounter).map(({ name }) => name)).toEqual(['took_bucket', 'took_sum', 'took_count', 'size_sum', 'size_count']);
  });

  it('tells nothing of what a page says that it cannot read', () => {
    expect(() => parseMetrics('password=hidden')).toThrow(/^line 1 is no metric$/);
  });

  // Each of them took minutes, and the whole process with it, while something was looked at again from every place in it.
  const long = 400_000;
  it.each([
    ['a rest over several lines as others count them', `x 1${' '.repeat(long)}a\rb`],
    ['a value without an end', `x ${'1'.repeat(long)}`],
    ['a label without an end', `x{a="${'b'.repeat(long)}`],
    ['a label of escapes', `x{a="${String.raw`\\`.repeat(long / 2)}`],
    ['labels of nothing but space', `x{${' '.repeat(long)}`],
    ['space around the equals sign', `x{a${' '.repeat(long)}b="c"}`],
    ['space before the type', `# TYPE${' '.repeat(long)}`],
    ['a type without an end', `# TYPE a${' '.repeat(long)}b${' '.repeat(long)}c`],
    ['a name without a value', `${'x'.repeat(long)}${' '.repeat(long)}`],
  ])('costs what it is long: %s', { timeout: 5_000 }, (_what, text) => {
    try {
      parseMetrics(text);
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
    }
  });

  it('is bounded', () => {
    expect(() => parseMetrics('x 1\n'.repeat(50_001))).toThrow('more than 50000 series');
  });

  it('keeps no prototype from labels', () => {
    const [one] = parseMetrics('x{__proto__="a",constructor="b"} 1');
    expect(Object.entries(one?.labels ?? {})).toEqual([['__proto__', 'a'], ['constructor', 'b']]);
    expect(({} as Record<string, unknown>)['a']).toBeUndefined();
  });

  it('comes back from whatever was written', () => {
    const name = fc.stringMatching(/^[a-z_][a-z0-9_]{0,8}$/);
    const labels = fc.dictionary(name.filter((one) => one !== '__proto__'), fc.string({ maxLength: 12 }), { maxKeys: 4 });
    const one = fc.record({ name, labels, value: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0) });
    const escape = (text: string): string => text.replaceAll('\\', String.raw`\\`).replaceAll('"', String.raw`\"`).replaceAll('\n', String.raw`\n`);
    fc.assert(
      fc.property(fc.array(one, { maxLength: 20 }), (all) => {
        const text = all.map(({ name, labels, value }) => `${name}{${Object.entries(labels).map(([key, text]) => `${key}="${escape(text)}"`).join(',')}} ${value}`).join('\n');
        expect(parseMetrics(text).map(({ name, labels, value }) => ({ name, labels: { ...labels }, value }))).toEqual(all.map((series) => ({ ...series, labels: { ...series.labels } })));
      }),
    );
  });

  it('never does anything but answer or throw a RangeError', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (text) => {
        try {
          parseMetrics(text);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
