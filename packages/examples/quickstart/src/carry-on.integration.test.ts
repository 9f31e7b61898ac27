import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { requireParts, startEtcd, startRedis } from '@orrery/engines';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

let home: string;
const running: ChildProcess[] = [];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'orrery-tours-'));
});
afterEach(async () => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
  rmSync(home, { recursive: true, force: true });
});

/** A tour in a process of its own; `said` is what it printed so far. */
function tour(...args: readonly string[]) {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, HOME: home, NO_COLOR: '1' }, stdio: ['ignore', 'pipe', 'pipe'] });
  running.push(child);
  const state = { said: '' };
  const heard = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      state.said += chunk.toString();
      for (const wake of heard) wake();
    });
  }
  const ended = once(child, 'exit') as Promise<[number | null]>;
  const says = async (text: string): Promise<void> => {
    while (!state.said.includes(text)) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the tour ended before it said "${text}":\n${state.said}`);
      await Promise.race([new Promise<void>((resolve) => heard.add(resolve)), ended]);
    }
  };
  return { child, state, says, ended };
}

/** Kills a tour that serves, and lets another carry on. */
async function carriedOn(store: string): Promise<string> {
  const first = tour('--store', store, '--serve');
  await first.says('Serving until interrupted');
  first.child.kill('SIGKILL');
  await first.ended;
  const second = tour('--store', store);
  const [code] = await second.ended;
  expect(second.state.said).toContain('adopted: all 3 run on as they were, nothing restarted');
  expect(second.state.said).toContain('every step was seen to hold');
  expect(code).toBe(0);
  return second.state.said;
}

const redis = requireParts('redis-server', 'redis-cli');
const etcd = requireParts('etcd', 'etcdctl');

describe('a tour that was killed with SIGKILL is carried on by the next: its pods run on, over', () => {
  it('SQLite', async () => {
    await carriedOn(`sqlite:${join(home, 'tour.db')}`);
  });

  it.skipIf(redis.missing)(`Redis${redis.note}`, async () => {
    await using server = await startRedis({ appendfsync: 'always' });
    await carriedOn(server.url);
  });

  it.skipIf(etcd.missing)(`etcd${etcd.note}`, async () => {
    await using server = await startEtcd();
    await carriedOn(`etcd://${new URL(server.endpoints[0] ?? '').host}`);
  });
});

describe('the store on the command line', () => {
  it.each(['mysql://user:hidden@host/db', 'redis:nowhere', 'sqlite:', 'etcd:x'])('%s is refused, without its password', async (store) => {
    const { ended, state } = tour('--store', store);
    expect(await ended).toEqual([2, null]);
    expect(state.said).toContain('--store is memory, sqlite:FILE');
    expect(state.said).not.toContain('hidden');
  });
});
