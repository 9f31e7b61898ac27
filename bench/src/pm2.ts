import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { timed } from './measure.js';

const run = promisify(execFile);

/** Where PM2 is, if somebody installed it beside this workspace (it is not a dependency). */
function pm2(): string | undefined {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('pm2/package.json')), 'bin', 'pm2');
  } catch {
    // Not installed: the comparison is left out.
    return undefined;
  }
}

/** Whether PM2 can be compared with. */
export const hasPm2 = (): boolean => pm2() !== undefined;

/** Calls PM2 with a home of its own. */
export async function withPm2<T>(use: (call: (...args: string[]) => Promise<string>) => Promise<T>): Promise<T> {
  const home = mkdtempSync(join(tmpdir(), 'orrery-pm2-'));
  const call = async (...args: string[]): Promise<string> => (await run(process.execPath, [pm2() ?? '', ...args], { env: { ...process.env, PM2_HOME: home } })).stdout;
  try {
    return await use(call);
  } finally {
    await call('kill');
    rmSync(home, { recursive: true, force: true });
  }
}

/** Milliseconds PM2 takes to start so many processes. */
export const pm2Start = (count: number): Promise<number> =>
  withPm2(async (call) => {
    await call('ping');
    return timed(() => call('start', 'sleep', '-i', String(count), '-x', '--interpreter', 'none', '--', '600'));
  });
