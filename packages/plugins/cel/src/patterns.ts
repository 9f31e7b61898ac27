import { RE2JS } from 're2js';
import type { Budget } from './budget.js';

/** Longer patterns, or ones whose program is larger, are refused. */
const MAX_PATTERN = 4096;
const MAX_PROGRAM = 10_000;
const KEPT = 2000;

/** Compiled patterns by their text, the oldest first. */
const compiled = new Map<string, RE2JS | string>();

/**
 * A pattern as Go's regexp and Kubernetes read it (RE2: no look-around, no back-references), matched in time linear in the text, so that no pattern can hang the process.
 * Answers why it is none instead.
 */
export function patternOf(text: string): RE2JS | string {
  const known = compiled.get(text);
  if (known !== undefined) return known;
  const made = compile(text);
  if (compiled.size >= KEPT) for (const oldest of compiled.keys()) if (compiled.delete(oldest)) break;
  compiled.set(text, made);
  return made;
}

function compile(text: string): RE2JS | string {
  if (text.length > MAX_PATTERN) return `a pattern may have at most ${MAX_PATTERN} characters`;
  try {
    const pattern = RE2JS.compile(text);
    return pattern.programSize() > MAX_PROGRAM ? 'the pattern is too large' : pattern;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Whether the pattern is found in the text. Costs the length of the text times a part of the size of the pattern. Throws `TooExpensive`. */
export function finds(pattern: RE2JS, text: string, budget: Budget): boolean {
  budget.spend(workOf(pattern, text));
  return pattern.matcher(text).find();
}

/** What looking for a pattern costs. */
export const workOf = (pattern: RE2JS, text: string): number => Math.ceil((text.length + 1) * Math.max(1, pattern.programSize() / 10));
