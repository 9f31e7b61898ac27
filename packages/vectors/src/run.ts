import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { families } from './families.js';
import type { Family, VectorCase } from './family.js';

/** A case that came out wrong. */
export interface Failure {
  readonly name: string;
  readonly expected: unknown;
  readonly got: unknown;
}

/** What became of one file. */
export interface FileResult {
  readonly file: string;
  readonly family: string;
  readonly total: number;
  readonly passed: number;
  /** Cases whose feature does not exist. */
  readonly notRun: number;
  readonly failures: readonly Failure[];
}

/** The files of a directory that hold vectors, without `.json`, sorted. */
export function vectorFiles(dir: string): string[] {
  return readdirSync(dir)
    .filter((name) => /^[a-z0-9-]+\.json$/.test(name))
    .map((name) => name.slice(0, -'.json'.length))
    .sort();
}

/** Runs one file. A case that throws has failed, with what it threw. */
export function runFile(dir: string, file: string): FileResult {
  const cases = JSON.parse(readFileSync(join(dir, `${file}.json`), 'utf8')) as VectorCase[];
  const family = families.find((one) => one.files.includes(file));
  if (family === undefined) return { file, family: file.replace(/-.*/, ''), total: cases.length, passed: 0, notRun: cases.length, failures: [] };
  return { file, family: family.family, total: cases.length, ...runCases(family, cases) };
}

function runCases(family: Family, cases: readonly VectorCase[]): Pick<FileResult, 'passed' | 'notRun' | 'failures'> {
  const run = family.prepare(cases);
  const failures: Failure[] = [];
  let passed = 0;
  let notRun = 0;
  for (const vector of cases) {
    let outcome;
    try {
      outcome = run(vector);
    } catch (error) {
      outcome = { ok: false as const, got: error instanceof Error ? `threw ${error.stack}` : error };
    }
    if (outcome === 'not run') notRun += 1;
    else if (outcome.ok) passed += 1;
    else failures.push({ name: vector.name, expected: vector.expected, got: outcome.got });
  }
  return { passed, notRun, failures };
}
