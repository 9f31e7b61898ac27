/** One line of numbers: a metric with its labels and its value. */
export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Finite; lines with NaN or an infinity say nothing that could be added up and are left out. */
  readonly value: number;
  /** Whether it only grows, by its `# TYPE`: counters, and of histograms and summaries the counts, sums and buckets. */
  readonly isCounter: boolean;
}

/** Series of one page; further ones are an error, so that a broken exporter does not fill the memory. */
const MAX_SERIES = 50_000;
const TYPE = /^#\s+TYPE\s+([a-zA-Z_:][\w:]*)\s+(\w+)\s*$/;
/** Up to the labels or the value. */
const NAME = /^([a-zA-Z_:][\w:]*)\s*/;
const LABEL = /\s*([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\\n]|\\.)*)"\s*(,|\})/y;
/** A value; a time or an exemplar after it is not used. Sticky and without a rest to match: nothing that a page says may be looked at twice. */
const VALUE = /\s*(\S+)/y;
/** What the samples of a type are called besides its own name, where they only grow. */
const GROWING: Readonly<Record<string, readonly string[]>> = { counter: ['', '_total'], histogram: ['_bucket', '_count', '_sum'], summary: ['_count', '_sum'] };

/**
 * Reads Prometheus' text format, version 0.0.4, and OpenMetrics as far as it is the same. Throws RangeError with the number of the line that it
 * cannot read, and nothing of what it says: who is told of the error need not be allowed to see the page. Costs what the text is long.
 */
export function parseMetrics(text: string): readonly Series[] {
  const counters = new Set<string>();
  const series: Series[] = [];
  let number = 0;
  for (const line of text.split('\n')) {
    number += 1;
    if (line.startsWith('#')) {
      const [, name = '', type] = TYPE.exec(line) ?? [];
      // OpenMetrics names the family of a counter without the ending that its samples have.
      if (type !== undefined && Object.hasOwn(GROWING, type)) for (const ending of GROWING[type] ?? []) counters.add(name + ending);
      continue;
    }
    const content = line.trim();
    if (content === '') continue;
    const one = parseLine(content, number, counters);
    if (one === undefined) continue;
    if (series.length >= MAX_SERIES) throw new RangeError(`more than ${MAX_SERIES} series`);
    series.push(one);
  }
  return series;
}

function parseLine(line: string, number: number, counters: ReadonlySet<string>): Series | undefined {
  const bad = (): RangeError => new RangeError(`line ${number} is no metric`);
  const head = NAME.exec(line);
  if (head === null) throw bad();
  const name = head[1] ?? '';
  let at = head[0].length;
  const labels: Record<string, string> = Object.create(null) as Record<string, string>;
  if (line[at] === '{') {
    const end = readLabels(line, at + 1, labels);
    if (end === undefined) throw bad();
    at = end;
  }
  VALUE.lastIndex = at;
  const value = numberOf(VALUE.exec(line)?.[1]);
  if (value === undefined) throw bad();
  return Number.isFinite(value) ? { name, labels, value, isCounter: counters.has(name) } : undefined;
}

/** Where the labels end; undefined when they cannot be read. */
function readLabels(line: string, from: number, labels: Record<string, string>): number | undefined {
  let at = from;
  for (;;) {
    const empty = /\s*\}/y;
    empty.lastIndex = at;
    if (empty.test(line)) return empty.lastIndex;
    LABEL.lastIndex = at;
    const match = LABEL.exec(line);
    if (match === null) return undefined;
    labels[match[1] ?? ''] = (match[2] ?? '').replaceAll(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char));
    at = LABEL.lastIndex;
    if (match[3] === '}') return at;
  }
}

const SPECIAL: Readonly<Record<string, number>> = { NaN: NaN, Inf: Infinity, '+Inf': Infinity, '-Inf': -Infinity };

function numberOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (Object.hasOwn(SPECIAL, text)) return SPECIAL[text];
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined;
}
