import type { FileResult } from './run.js';

/** One line a file, and the first failures. */
export function describe(result: FileResult, shown: number): string {
  const head = `${result.file.padEnd(18)} ${summary(result)}`;
  const failures = result.failures.slice(0, shown).map(({ name, expected, got }) => `    ${name}\n      expected ${short(expected)}\n      got      ${short(got)}`);
  return [head, ...failures].join('\n');
}

function summary({ total, passed, notRun, failures }: FileResult): string {
  if (notRun === total) return `not run (${total} cases)`;
  const parts = [`${passed}/${total} passed`];
  if (failures.length > 0) parts.push(`${failures.length} failed`);
  if (notRun > 0) parts.push(`${notRun} not run`);
  return parts.join(', ');
}

const short = (value: unknown): string => {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined');
  return text.length > 1200 ? `${text.slice(0, 1200)}…` : text;
};

/** The metrics of all files. A file of which nothing ran has no `passed`. */
export function metricsOf(results: readonly FileResult[]): Record<string, number> {
  const metrics: Record<string, number> = {};
  for (const { file, total, passed, notRun } of results) {
    if (notRun < total) metrics[`${file}.passed`] = passed;
    metrics[`${file}.total`] = total;
  }
  return metrics;
}
