/** One second of the story. */
export interface Sample {
  readonly rate: number;
  readonly wanted: number;
  readonly ready: number;
}

const BLOCKS = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/** A line for the moment. */
export function line(second: number, { rate, wanted, ready }: Sample): string {
  const time = `${second}`.padStart(4);
  const load = '▒'.repeat(Math.round(rate / 3)).padEnd(16);
  return `${time} s  ${load} ${`${rate}/s`.padEnd(6)} ${'■'.repeat(ready)}${'□'.repeat(Math.max(0, wanted - ready))}  ${wanted} wanted, ${ready} ready`;
}

/** The whole story in a few lines: load above, replicas below, a column a second. */
export function plot(samples: readonly Sample[], most: number): string {
  const highest = Math.max(1, ...samples.map(({ rate }) => rate));
  const load = samples.map(({ rate }) => BLOCKS[Math.ceil((rate / highest) * 8)]).join('');
  const rows = Array.from({ length: most }, (_, i) => `${`${most - i}`.padStart(8)} ┤${samples.map(({ ready }) => (ready >= most - i ? '█' : ' ')).join('')}`);
  const axis = `${' '.repeat(8)} └${'─'.repeat(samples.length)}`;
  return [`    load  ${load}  up to ${highest} requests/s`, 'replicas', ...rows, axis, `${' '.repeat(10)}0 s${`${samples.length} s`.padStart(Math.max(0, samples.length - 3))}`].join('\n');
}
