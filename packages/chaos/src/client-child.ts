import { writeSync } from 'node:fs';
import { errorMessage, type Store, systemClock } from '@orrery/core';
import { SeededRandom } from '@orrery/core/testing';
import { SqliteStore } from '@orrery/store-sqlite';
import { runClient, runContender } from './client.js';
import type { Answer, Call, DeclaredLoss, Tape } from './history.js';
import { TracedStore } from './traced-store.js';

/** What a client process says: one JSON line each, written before it goes on. */
export type Line = { readonly n: number; readonly call: Call } | { readonly n: number; readonly answer: Answer } | { readonly loss: DeclaredLoss } | { readonly irregular: string };

const PACE_MS = 8;
const OPEN_TRIES = 100;
const RETRY_MS = 100;

const say = (line: Line): void => void writeSync(1, `${JSON.stringify(line)}\n`);
const tape: Tape = {
  call(call) {
    const n = (calls += 1);
    say({ n, call });
    return (answer) => say({ n, answer });
  },
  loss: (loss) => say({ loss }),
  irregular: (what) => say({ irregular: what }),
};
let calls = 0;

const [path = '', process_ = '', life = '', seed = ''] = process.argv.slice(2);
const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());
// Who started it is gone: it must not write on.
process.stdout.on('error', () => process.exit(1));
const random = new SeededRandom(Number(seed));
const store = await open();
if (store !== undefined) {
  const part = { clock: systemClock, paceMs: PACE_MS, signal: stop.signal };
  const traced = (name: string): TracedStore => new TracedStore(store, `${name}.${life}`, `p${process_}.${life}`, tape);
  const names = [`c${process_}a`, `c${process_}b`];
  const work = names.map((name) => runClient(traced(name), { ...part, random: new SeededRandom(random.int(2 ** 31)) }));
  if (Number(process_) < 2) work.push(runContender(traced(`l${process_}`), { ...part, random: new SeededRandom(random.int(2 ** 31)) }));
  await Promise.all(work);
  await store.close();
}

/** The disk may be full, or the file locked by a process that was stopped. */
async function open(): Promise<Store | undefined> {
  let last: unknown;
  for (let tries = 0; tries < OPEN_TRIES && !stop.signal.aborted; tries += 1) {
    try {
      return await SqliteStore.open({ path, historyLimit: 10_000_000, busyTimeoutMs: 3_000 });
    } catch (error) {
      last = error;
      await systemClock.sleep(RETRY_MS, new AbortController().signal);
    }
  }
  if (!stop.signal.aborted) tape.irregular(`the file could not be opened in ${OPEN_TRIES} tries: ${errorMessage(last)}`);
  return undefined;
}
