import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { OrreryError, errorMessage } from '@orrery/core';
import { layout } from '../shared/layout.js';
import type { HelperOptions } from '../shared/layout.js';

/** The helper's program as the build leaves it: seen from `lib/`, or from the sources and their compiled form. */
const HELPER = ['./helper/main.js', '../../lib/helper/main.js'].map((path) => new URL(path, import.meta.url)).find((url) => url.pathname.includes('/lib/') && existsSync(url));

/** A small heap keeps the helper small, and a small process forks fast. */
const NODE_FLAGS = ['--max-old-space-size=32', '--max-semi-space-size=1', '--single-threaded', '--optimize-for-size', '--no-warnings'];

/** The helper's own log begins anew above this size. */
const MAX_HELPER_LOG_BYTES = 256 * 1024;

/**
 * Starts a helper, in a session of its own so that it outlives this process. Resolves with `ready`, or with `busy` when another one has the directory.
 * Throws `UNAVAILABLE` with the helper's words when it cannot run.
 */
export function startHelper(options: HelperOptions): Promise<'ready' | 'busy'> {
  if (HELPER === undefined) return Promise.reject(new OrreryError('UNAVAILABLE', 'The helper program is missing from the package: build it with `npm run build`.'));
  const logPath = layout.helperLog(options.stateDir);
  const tooLong = (statSync(logPath, { throwIfNoEntry: false })?.size ?? 0) > MAX_HELPER_LOG_BYTES;
  const log = openSync(logPath, tooLong ? 'w' : 'a', 0o600);
  // The host's environment may hold secrets, and the helper's is what containers' base environment is made from: it gets only what it needs.
  const env = Object.fromEntries(['PATH', 'HOME', 'LANG', 'TMPDIR'].flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
  const child = spawn(process.execPath, [...NODE_FLAGS, fileURLToPath(HELPER), JSON.stringify(options)], {
    cwd: '/',
    env,
    detached: true,
    stdio: ['ignore', 'pipe', log],
  });
  closeSync(log);
  child.unref();
  const { stdout } = child;
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new OrreryError('UNAVAILABLE', `The helper did not start: ${why}. See ${logPath}.`, { stateDir: options.stateDir }));
    let said = '';
    child.once('error', (error) => fail(errorMessage(error)));
    child.once('exit', (code) => fail(`it ended with code ${String(code)}`));
    stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8');
      if (!said.includes('\n')) return;
      stdout.destroy();
      const line = said.slice(0, said.indexOf('\n'));
      if (line === 'ready' || line === 'busy') resolve(line);
      else fail(line);
    });
  });
}
