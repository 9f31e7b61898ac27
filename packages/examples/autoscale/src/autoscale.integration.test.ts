import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { line, plot } from './plot.js';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

it('scales 1 → 6 → 1 → 0, and from zero with the first request answered', { timeout: 90_000 }, async () => {
  const child = spawn(process.execPath, [MAIN], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [code] = (await once(child, 'exit')) as [number | null];
  expect(code, said).toBe(0);
  expect(said).toMatch(/answered by burner-\S+ after \d+ ms/);
  expect(said).toMatch(/requests were answered, 0 were not/);
});

it('draws a line a second, and the whole', () => {
  expect(line(7, { rate: 9, wanted: 3, ready: 2 })).toBe('   7 s  ▒▒▒              9/s    ■■□  3 wanted, 2 ready');
  const story = plot([{ rate: 0, wanted: 0, ready: 0 }, { rate: 4, wanted: 1, ready: 1 }, { rate: 8, wanted: 2, ready: 2 }], 2);
  expect(story.split('\n').slice(0, 4)).toEqual(['    load   ▄█  up to 8 requests/s', 'replicas', '       2 ┤  █', '       1 ┤ ██']);
});
