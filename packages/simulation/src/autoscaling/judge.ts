import type { Signal } from '../mixed/signal.js';

/** The number of replicas from a moment on. */
export interface Scaled {
  readonly atMs: number;
  readonly replicas: number;
}

/** What an autoscaler is judged by. */
export interface Case {
  /** Every change, oldest first; the first is what there was in the beginning. */
  readonly history: readonly Scaled[];
  readonly load: Signal;
  /** Thousandths of a core that each replica is to carry. */
  readonly target: number;
  readonly min: number;
  readonly max: number;
  /** Until when; the load begins at 0. */
  readonly endMs: number;
  /** Changes of direction that the load justifies. */
  readonly turns: number;
}

/** Scaling down waits so long for a higher wish to come (the default behaviour). */
export const STABILIZATION_MS = 300_000;
/** From a load to what it brings about: looks every 15 s, steps of four pods or twice as many in each, and pods that have to start and be measured for a window. */
const LAG_MS = 180_000;
/** A look, and pods that start: so much longer than the window what is left over may stay. */
const SLACK_MS = 60_000;
const STEP_MS = 15_000;
const TOLERANCE = 0.1;
/** Use is told in whole thousandths of a core, and then in whole percents: so much of a replica that may make. */
const ROUNDING = 0.02;

/** Directions that replicas took, one after the other: 1 up, -1 down. */
const directions = (history: readonly Scaled[]): number[] => history.slice(1).map(({ replicas }, i) => Math.sign(replicas - (history[i] as Scaled).replicas));

/** How often replicas turned from growing to shrinking, or back. */
export function turnsOf(history: readonly Scaled[]): number {
  const way = directions(history);
  return way.filter((direction, i) => i > 0 && direction !== way[i - 1]).length;
}

/** What an autoscaler with default behaviour did that it should not have done: turned back too soon or too often, left its bounds, or had another number than the load justifies. */
export function misbehaviour({ history, load, target, min, max, endMs, turns }: Case): string[] {
  const problems: string[] = [];
  const way = directions(history);
  let lastUp = Number.NEGATIVE_INFINITY;
  for (const [i, direction] of way.entries()) {
    const { atMs, replicas } = history[i + 1] as Scaled;
    if (direction < 0 && atMs - lastUp < STABILIZATION_MS) problems.push(`flapped: at ${seconds(atMs)} down to ${replicas}, ${seconds(atMs - lastUp)} after it went up`);
    if (direction > 0) lastUp = atMs;
  }
  if (turnsOf(history) > turns) problems.push(`turned ${turnsOf(history)} times where the load justifies ${turns}`);
  let at = 0;
  for (let now = 0; now <= endMs; now += STEP_MS) {
    while (((history[at + 1] as Scaled | undefined)?.atMs ?? Number.POSITIVE_INFINITY) <= now) at += 1;
    const { replicas } = history[at] as Scaled;
    if (replicas < min || replicas > max) problems.push(`has ${replicas} replicas at ${seconds(now)}, beyond ${min} to ${max}`);
    const most = Math.max(min, Math.min(max, Math.ceil(Math.max(...levels(load, now - STABILIZATION_MS - SLACK_MS, now)) / target + ROUNDING)));
    if (replicas > most && now > STABILIZATION_MS + SLACK_MS) problems.push(`has ${replicas} replicas at ${seconds(now)}, and for the last minutes never wanted more than ${most}`);
    const least = Math.max(min, Math.min(max, Math.ceil(Math.min(...levels(load, now - LAG_MS, now)) / (target * (1 + TOLERANCE)) - TOLERANCE)));
    if (replicas < least && now > LAG_MS) problems.push(`has ${replicas} replicas at ${seconds(now)}, and for the last minutes wanted ${least} at least`);
  }
  return problems;
}

function levels(load: Signal, fromMs: number, toMs: number): number[] {
  const found: number[] = [];
  for (let at = Math.max(0, fromMs); at <= toMs; at += 1_000) found.push(load(at));
  return found;
}

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;
