import { spawn } from 'node:child_process';
import { type BenchResult, median, rounded, timed } from './measure.js';

const RUNS = 9;
const CHILD = new URL('./startup-child.js', import.meta.url).pathname;

/** From `node` starting to the first pod Running with embedded defaults, minus an empty node process of the same run; and the memory then. */
export async function startupBench(): Promise<BenchResult> {
  const empty: number[] = [];
  const running: number[] = [];
  const memory: number[] = [];
  const helper: number[] = [];
  for (let i = 0; i <= RUNS; i += 1) {
    const bare = await timed(() => exited(['-e', '0']));
    const { ms, rss, helperRss } = await firstPod();
    if (i === 0) continue; // The first run warms the disk cache.
    empty.push(bare);
    running.push(ms);
    memory.push(rss);
    helper.push(helperRss);
  }
  const overheadMs = median(running) - median(empty);
  process.stdout.write(`first pod Running after ${median(running).toFixed(0)} ms; node -e 0 takes ${median(empty).toFixed(0)} ms; host ${median(memory).toFixed(0)} MiB, runtime helper ${median(helper).toFixed(0)} MiB\n`);
  return { bench: 'startup', metrics: { overheadMs: rounded(overheadMs), rssMiB: rounded(median(memory)), helperRssMiB: rounded(median(helper)), emptyMs: rounded(median(empty)), firstPodMs: rounded(median(running)) } };
}

function exited(args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    spawn(process.execPath, args, { stdio: 'ignore' }).once('error', reject).once('exit', () => resolve());
  });
}

/** Starts the child, and reads the line it prints when its pod is Running. */
function firstPod(): Promise<{ ms: number; rss: number; helperRss: number }> {
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CHILD], { stdio: ['ignore', 'pipe', 'inherit'] });
    let seen: { ms: number; rss: number; helperRss: number } | undefined;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const match = /running (\S+) (\S+)/.exec(text);
      if (match !== null) seen ??= { ms: performance.now() - start, rss: Number(match[1]), helperRss: Number(match[2]) };
    });
    child.once('error', reject);
    child.once('exit', (code) => (seen !== undefined && code === 0 ? resolve(seen) : reject(new Error(`the child ended with ${code} and ${seen === undefined ? 'no' : 'a'} running pod`))));
  });
}
