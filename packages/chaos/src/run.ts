import { type Clock, longLived, type Store } from '@orrery/core';
import { SeededRandom } from '@orrery/core/testing';
import { judge, type Verdict } from './checks/index.js';
import { runClient, runContender } from './client.js';
import { type DeclaredLoss, type History, type Interval, Recording } from './history.js';
import type { EngineName } from './rigs/index.js';
import { openRig } from './rigs/index.js';
import { between, type Clients, type Fault, pass, type Rig, until } from './rigs/rig.js';
import { machineTime, seenOf, tapeLosses, TracedStore } from './traced-store.js';
import { Collector, Watcher } from './watcher.js';

/** One run. */
export interface ChaosOptions {
  readonly engine: EngineName;
  readonly seed: number;
  /** How long faults happen, milliseconds. */
  readonly lastsMs: number;
  /** The longest one fault may last, milliseconds; default 8,000. */
  readonly longestMs?: number;
  readonly clock: Clock;
  readonly log: (line: string) => void;
}

/** What came of a run. */
export interface ChaosResult extends Verdict {
  /** Whether the engine's mode allows acknowledged writes to be lost. */
  readonly mayLose: boolean;
  /** From the last fault until every store had answered and every watcher had caught up, milliseconds. */
  readonly settledMs: number;
  readonly faults: number;
  readonly faultsByKind: Readonly<Record<string, number>>;
  readonly leftOut: readonly string[];
}

const PACE_MS = 8;
const CLIENTS = 7;
const PATIENCE_MS = 90_000;

interface Handle {
  readonly name: string;
  readonly store: Store;
}

/** Records clients at work while faults happen, and judges what they were told. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { engine, seed, clock, longestMs = 8_000, log } = options;
  const rig = await openRig(engine, { clock, longestMs });
  try {
    for (const line of rig.leftOut) log(line);
    const faultsByKind: Record<string, number> = {};
    const { history, settledMs } = await record(rig, options, faultsByKind);
    const faults = Object.values(faultsByKind).reduce((sum, count) => sum + count, 0);
    log(`judging ${history.calls.length} calls of seed ${seed}`);
    return { ...judge(history, rig.promises), mayLose: rig.promises.mayLose, settledMs, faults, faultsByKind, leftOut: rig.leftOut };
  } finally {
    await rig.stop();
  }
}

async function record(rig: Rig, { seed, lastsMs, clock, log }: ChaosOptions, faultsByKind: Record<string, number>): Promise<{ readonly history: History; readonly settledMs: number }> {
  const random = new SeededRandom(seed);
  const tape = new Recording();
  const handles: Handle[] = [];
  const reasons = new Set<string>();
  const note = (loss: DeclaredLoss): void => {
    tape.loss(loss);
    if (!reasons.has(`${loss.lastCommon}`)) log(`          declared: ${loss.reason}`);
    reasons.add(`${loss.lastCommon}`);
  };
  const open = async (name: string): Promise<Handle> => {
    const handle = { name, store: await rig.open() };
    tapeLosses(handle.store, name, { loss: (loss) => note(loss) });
    handles.push(handle);
    return handle;
  };
  const watching = longLived(new AbortController());
  try {
    const { collector, watchers } = await openWatchers(open, tape, clock, watching.signal);
    const followed = Promise.all([collector, ...watchers].map((watcher) => watcher.run()));
    const part = { tape, random: new SeededRandom(random.int(2 ** 31)) };
    const clients = rig.startClients === undefined ? await startClients(open, part, clock, rig.callLimitMs) : await rig.startClients(part);
    const compact: Fault = {
      name: 'compaction',
      run: async () => {
        // What the collector has not seen must stay.
        const revision = Math.max(0, collector.at - 50);
        const [{ store }] = handles as [Handle];
        await store.compact(revision).catch((error: unknown) => log(`compaction failed: ${String(error)}`));
        return `compacted up to revision ${revision}`;
      },
    };
    const risky = await injectFaults([...rig.faults, compact], { random, clock, lastsMs, log, faultsByKind, settled: () => touch(handles, clock) });
    const over = clock.monotonic();
    const since = (): string => `${Math.round(clock.monotonic() - over)} ms`;
    await rig.recover();
    log(`the engine is well again after ${since()}`);
    await touch(handles, clock);
    log(`every store has answered after ${since()}`);
    await clients.stop();
    await touch(handles, clock);
    const [{ name, store }] = handles as [Handle];
    const last = await lastCommit(new TracedStore(store, 'last', name, tape), clock);
    const { entries, revision } = await store.range('/');
    for (const watcher of [collector, ...watchers]) await until(clock, `a watcher had come to revision ${last}`, () => watcher.at >= last, PATIENCE_MS);
    const settledMs = Math.round(clock.monotonic() - over);
    watching.abort();
    await followed;
    const sessions = [collector, ...watchers].flatMap((watcher) => watcher.sessions);
    const final = { revision, entries: entries.map((entry) => ({ key: entry.key, ...seenOf(entry) })) };
    return { history: { calls: tape.calls, sessions, losses: tape.losses, risky, changes: collector.changes(), final, irregular: tape.irregularities }, settledMs };
  } finally {
    watching.abort();
    await Promise.all(handles.map(({ store }) => store.close()));
  }
}

type Open = (name: string) => Promise<Handle>;

async function openWatchers(open: Open, tape: Recording, clock: Clock, signal: AbortSignal): Promise<{ readonly collector: Collector; readonly watchers: readonly Watcher[] }> {
  const options = ({ name, store }: Handle, watcher: string, prefix: string): ConstructorParameters<typeof Watcher>[0] => ({
    ...{ name: watcher, handle: name, store, prefix, clock, signal, tape },
    losses: () => tape.losses.filter(({ handle }) => handle === name),
  });
  const collector = new Collector(options(await open('h-collector'), 'collector', '/'));
  const [one, other] = [await open('h-watch1'), await open('h-watch2')];
  const watchers = [new Watcher(options(one, 'w-all', '/')), new Watcher(options(one, 'w-log', '/log/')), new Watcher(options(other, 'w-groups', '/g/'))];
  return { collector, watchers };
}

/** Clients in this process; the first two share a store, the others have one each. */
async function startClients(open: Open, { tape, random }: { readonly tape: Recording; readonly random: SeededRandom }, clock: Clock, limitMs?: number): Promise<Clients> {
  const stop = longLived(new AbortController());
  const part = (): Parameters<typeof runClient>[1] => ({ random: new SeededRandom(random.int(2 ** 31)), clock, paceMs: PACE_MS, signal: stop.signal });
  const work: Promise<void>[] = [];
  let handle = await open('h0');
  for (let n = 0; n < CLIENTS; n += 1) {
    if (n > 1) handle = await open(`h${n}`);
    work.push(runClient(new TracedStore(handle.store, `c${n}`, handle.name, tape, limitMs), part()));
  }
  for (const name of ['l0', 'l1']) {
    const own = await open(`h-${name}`);
    work.push(runContender(new TracedStore(own.store, name, own.name, tape, limitMs), part()));
  }
  return {
    async stop() {
      stop.abort();
      await Promise.all(work);
    },
  };
}

interface Weather {
  readonly random: SeededRandom;
  readonly clock: Clock;
  readonly lastsMs: number;
  readonly log: (line: string) => void;
  readonly faultsByKind: Record<string, number>;
  /** Every store has heard of the engine as it is now. */
  readonly settled: () => Promise<void>;
}

/** One fault after another, drawn by their weights; gives the times of those that may lose something. */
async function injectFaults(faults: readonly Fault[], { random, clock, lastsMs, log, faultsByKind, settled }: Weather): Promise<Interval[]> {
  const drawn = faults.flatMap((fault) => Array.from({ length: fault.weight ?? 1 }, () => fault));
  const risky: Interval[] = [];
  const begun = clock.monotonic();
  while (clock.monotonic() - begun < lastsMs) {
    await pass(clock, between(random, 300, 1_500));
    const fault = random.pick(drawn);
    const own = new SeededRandom(random.int(2 ** 31));
    const from = machineTime();
    const what = await fault.run(own);
    if (fault.risky === true) {
      await settled();
      risky.push({ from, to: machineTime() });
    }
    faultsByKind[fault.name] = (faultsByKind[fault.name] ?? 0) + 1;
    log(`${((clock.monotonic() - begun) / 1_000).toFixed(1).padStart(6)} s  ${what}`);
  }
  return risky;
}

/** A change that every watcher hears of; gives its revision. What the store is at may be more, where the engine counts other things, too. */
async function lastCommit(store: TracedStore, clock: Clock): Promise<number> {
  let revision: number | undefined;
  await until(clock, 'a last commit was acknowledged', async () => {
    const result = await store.commit([{ key: '/g/last/commit', delete: false }], []);
    revision = typeof result === 'number' ? result : undefined;
    return revision !== undefined;
  });
  return revision as number;
}

/** Asks every store until it answers: whatever there is to declare is declared then. */
async function touch(handles: readonly Handle[], clock: Clock): Promise<void> {
  await Promise.all(handles.map(({ name, store }) => until(clock, `${name} answered`, async () => (await store.revision()) >= 0, PATIENCE_MS)));
}
