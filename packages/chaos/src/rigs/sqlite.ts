import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '@orrery/core';
import { type Disk, missingParts, startDisk } from '@orrery/engines';
import { SqliteStore } from '@orrery/store-sqlite';
import { ChildClients } from './child-clients.js';
import { between, type Fault, pass, type Rig, type RigOptions } from './rig.js';

const DISK_BYTES = 768 * 1_048_576;

/** One SQLite file that several processes write, the clients' and this one's. Nothing acknowledged may be lost. */
export async function sqliteRig({ clock, longestMs }: RigOptions): Promise<Rig> {
  const lacks = missingParts(['root']);
  const disk = lacks === undefined ? startDisk({ bytes: DISK_BYTES }) : undefined;
  const folder = disk?.folder ?? mkdtempSync(join(tmpdir(), 'orrery-chaos-'));
  const path = join(folder, 'state.db');
  const clients = new ChildClients(path, clock);
  return {
    promises: { mayLose: false, gapless: true },
    faults: [...processFaults(clients, clock, longestMs), ...(disk === undefined ? [] : [diskFull(disk, clock, longestMs)])],
    leftOut: lacks === undefined ? [] : [`a full disk is left out: ${lacks}`],
    open: () => SqliteStore.open({ path, historyLimit: 10_000_000, bookmarkMs: 200, busyTimeoutMs: 3_000 }),
    startClients: (part) => clients.start(part),
    recover() {
      disk?.free();
      clients.resume();
      return Promise.resolve();
    },
    async stop() {
      await clients.kill();
      if (disk === undefined) rmSync(folder, { recursive: true, force: true });
      else await disk.stop();
    },
  };
}

function processFaults(clients: ChildClients, clock: Clock, longestMs: number): Fault[] {
  return [
    {
      name: 'kill',
      weight: 3,
      async run(random) {
        const ms = between(random, 0, 500);
        const n = random.int(clients.count);
        await clients.signal(n, 'SIGKILL');
        await pass(clock, ms);
        clients.spawn(n);
        return `process ${n}: kill -9, down for ${ms} ms`;
      },
    },
    {
      name: 'stop',
      weight: 3,
      async run(random) {
        const n = random.int(clients.count);
        const ms = random.chance(0.6) ? between(random, 50, 800, longestMs) : between(random, 800, 6_000, longestMs);
        await clients.signal(n, 'SIGSTOP');
        await pass(clock, ms);
        await clients.signal(n, 'SIGCONT');
        return `process ${n}: SIGSTOP for ${ms} ms`;
      },
    },
    {
      name: 'all killed',
      async run() {
        const all = Array.from({ length: clients.count }, (_, n) => n);
        await Promise.all(all.map((n) => clients.signal(n, 'SIGKILL')));
        for (const n of all) clients.spawn(n);
        return 'kill -9 of all clients';
      },
    },
    {
      name: 'restart',
      async run(random) {
        const n = random.int(clients.count);
        await clients.signal(n, 'SIGTERM');
        clients.spawn(n);
        return `process ${n}: closed its store and started again`;
      },
    },
  ];
}

function diskFull(disk: Disk, clock: Clock, longestMs: number): Fault {
  return {
    name: 'disk full',
    async run(random) {
      const ms = between(random, 300, 2_000, longestMs);
      disk.fill(between(random, 0, 65_536));
      await pass(clock, ms);
      disk.free();
      return `disk full for ${ms} ms`;
    },
  };
}
