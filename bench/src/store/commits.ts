import type { Store } from '@orrery/core';
import { quantile } from '../measure.js';
import type { Floor } from './floors.js';

/** What a stretch of writing came to. */
export interface Rate {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** About a kilobyte, as small Kubernetes objects are. */
const filler = 'x'.repeat(900);
const content = (n: number): Readonly<Record<string, unknown>> => ({ metadata: { name: 'object', labels: { app: 'bench' } }, spec: { n, filler } });

/** Writers that each write their own key again and again, every write guarded by the revision of the one before, for so many milliseconds. */
export function commits(store: Store, writers: number, ms: number, round: string): Promise<Rate> {
  return writing(writers, ms, async (writer, n, revision) => {
    const key = `/registry/bench/${round}/${writer}`;
    const result = await store.commit({ guards: [{ key, modRevision: revision }], writes: [{ key, value: content(n) }] });
    if (!result.ok) throw new Error('a conflict nobody made');
    return result.revision;
  });
}

/** The same on the bare engine. */
export function bareCommits(floor: Floor, writers: number, ms: number, round: string): Promise<Rate> {
  return writing(writers, ms, (writer, n, revision) => floor.set(`/registry/bench/${round}/${writer}`, JSON.stringify(content(n)), revision));
}

async function writing(writers: number, ms: number, write: (writer: number, n: number, revision: number) => Promise<number>): Promise<Rate> {
  const took: number[] = [];
  const began = performance.now();
  const end = began + ms;
  await Promise.all(
    Array.from({ length: writers }, async (_, writer) => {
      let revision = 0;
      for (let n = 0, start = performance.now(); start < end; n += 1) {
        revision = await write(writer, n, revision);
        const now = performance.now();
        took.push(now - start);
        start = now;
      }
    }),
  );
  return { perSecond: (1000 * took.length) / (performance.now() - began), p50Ms: quantile(took, 0.5), p99Ms: quantile(took, 0.99) };
}
