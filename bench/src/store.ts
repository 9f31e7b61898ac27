import { missingParts } from '@orrery/engines';
import { type BenchResult, median, rounded, timed } from './measure.js';
import { bareCommits, commits, type Rate } from './store/commits.js';
import { type Subject, subjects } from './store/subjects.js';
import { watchLatency } from './store/watches.js';

const ROUNDS = 3;
const STRETCH_MS = 1_000;
const WRITERS = [1, 16, 64] as const;
const OBJECTS = 100_000;
const LISTED = 10_000;
const NEEDS: Readonly<Record<string, Parameters<typeof missingParts>[0]>> = { redis: ['redis-server', 'redis-cli'], redisAof: ['redis-server', 'redis-cli'], etcd: ['etcd', 'etcdctl'] };

/**
 * Every store on an engine of its own: compare-and-set commits per second beside the bare engine in the same run, from commit to event, bytes of 100,000 objects, the time of a list of 10,000.
 * Rates are medians of rounds in which store and floor take turns.
 */
export async function storeBench(): Promise<BenchResult> {
  const metrics: Record<string, number> = {};
  for (const [name, start] of Object.entries(subjects)) {
    const missing = missingParts(NEEDS[name] ?? []);
    if (missing !== undefined) {
      process.stdout.write(`${name}: left out: ${missing}\n`);
      continue;
    }
    // The last on an engine that holds nothing yet.
    for (const measures of [[rates, watching], [holding]]) {
      const subject = await start();
      try {
        for (const measure of measures) Object.assign(metrics, await measure(subject));
      } finally {
        await subject.close();
      }
    }
  }
  const [aof, etcd] = [metrics['redisAofCommits64'], metrics['etcdCommits64']];
  if (aof !== undefined && etcd !== undefined) metrics['redisAofAlwaysToEtcd64'] = rounded(aof / etcd);
  return { bench: 'store', metrics };
}

async function rates({ name, store, floor }: Subject): Promise<Record<string, number>> {
  const metrics: Record<string, number> = {};
  for (const writers of WRITERS) {
    const own: Rate[] = [];
    const bare: Rate[] = [];
    for (let round = 0; round <= ROUNDS; round += 1) {
      const [mine, theirs] = [await commits(store, writers, STRETCH_MS, `${writers}-${round}`), floor && (await bareCommits(floor, writers, STRETCH_MS, `${writers}-${round}`))];
      // The first warms up.
      if (round === 0) continue;
      own.push(mine);
      if (theirs !== undefined) bare.push(theirs);
    }
    const of = (list: readonly Rate[], figure: keyof Rate): number => rounded(median(list.map((rate) => rate[figure])));
    metrics[`${name}Commits${writers}`] = of(own, 'perSecond');
    metrics[`${name}P50Ms${writers}`] = of(own, 'p50Ms');
    metrics[`${name}P99Ms${writers}`] = of(own, 'p99Ms');
    if (floor === undefined) continue;
    metrics[`${name}FloorCommits${writers}`] = of(bare, 'perSecond');
    metrics[`${name}FloorRatio${writers}`] = rounded(median(own.map((rate, i) => rate.perSecond / (bare[i] as Rate).perSecond)));
  }
  return metrics;
}

async function watching({ name, store }: Subject): Promise<Record<string, number>> {
  const [one, many] = [await watchLatency(store, 1, 500), await watchLatency(store, 100, 200)];
  return { [`${name}Watch1P99Ms`]: rounded(one.p99Ms), [`${name}Watch100P99Ms`]: rounded(many.p99Ms) };
}

async function holding(subject: Subject): Promise<Record<string, number>> {
  const { name, store } = subject;
  const before = await subject.heldBytes();
  for (let n = 0; n < OBJECTS; n += 64) {
    await Promise.all(
      Array.from({ length: Math.min(64, OBJECTS - n) }, (_, i) => {
        const number = String(n + i).padStart(6, '0');
        return store.commit({ guards: [], writes: [{ key: `/registry/bench/held/${number}`, value: { metadata: { name: number, uid: `${number}-${number}`, labels: { app: 'bench' } }, spec: { n: n + i } } }] });
      }),
    );
  }
  await store.compact(await store.revision());
  const held = (await subject.heldBytes()) - before;
  const lists: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    lists.push(
      await timed(async () => {
        const { entries } = await store.range('/registry/bench/held/0', { limit: LISTED });
        if (entries.length !== LISTED) throw new Error(`listed ${entries.length}`);
      }),
    );
  }
  return { [`${name}MiBPer100kObjects`]: rounded(held / 2 ** 20), [`${name}List10kMs`]: rounded(median(lists)) };
}
