import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryStore } from './memory-store.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orrery-journal-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

// Writes as fast as it can, over few keys so that snapshots are taken all the time, and says what was acknowledged.
const WRITER = `
import { writeSync } from 'node:fs';
import { MemoryStore } from '@orrery/store-memory';
const store = new MemoryStore({ journal: process.argv[1], journalGrowthBytes: 20000 });
for (let n = await store.revision() + 1; ; n += 1) {
  const { revision } = await store.commit({ guards: [], writes: [{ key: '/' + (n % 50), value: { n, filler: 'x'.repeat(n % 300) } }] });
  writeSync(1, revision + '\\n');
}`;

describe('a process that is killed while it writes', () => {
  it('has lost nothing that was acknowledged, however often', async () => {
    const journal = join(folder, 'journal');
    let last = 0;
    for (let life = 1; life <= 5; life += 1) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', WRITER, journal], { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] });
      let said = '';
      child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
      await expect.poll(() => said.length, { timeout: 20_000 }).toBeGreaterThan(life * 3_000);
      const gone = once(child, 'close');
      child.kill('SIGKILL');
      await gone;
      const acknowledged = Number(said.slice(0, said.lastIndexOf('\n')).split('\n').at(-1));
      expect(acknowledged).toBeGreaterThan(last);
      const store = new MemoryStore({ journal });
      last = await store.revision();
      // One more may have been written when it died, before it could say so.
      expect([acknowledged, acknowledged + 1]).toContain(last);
      for (let n = last - 49; n <= last; n += 1) expect(await store.get(`/${n % 50}`)).toMatchObject({ modRevision: n, value: { n } });
      await store.close();
    }
  });
});
