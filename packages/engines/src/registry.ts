import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock, systemRandom, longLived } from '@orrery/core';
import { mustApi } from './api.js';
import { startGuardian } from './guardian.js';
import { splitName } from './image.js';
import { missingParts, programPath } from './missing.js';

/** How a registry is started. */
export interface RegistryOptions {
  /** Names and passwords of those who may use it. Default: everybody may. */
  readonly users?: Readonly<Record<string, string>>;
  readonly clock?: Clock;
}

/** A registry of this process's own (distribution, Debian's docker-registry). Engines trust it without TLS because it is on the loopback. */
export interface Registry extends AsyncDisposable {
  /** `127.0.0.1:port`: the first part of its images' names. */
  readonly host: string;
  /** Pushes an image of an engine under a name here (`team/app:1`); resolves with its full name and digest. */
  push(socketPath: string, image: string, name: string, user?: string): Promise<{ readonly reference: string; readonly digest: string }>;
  /** Ends it and removes what it stores. A second call waits for the first. */
  stop(): Promise<void>;
}

const START_LIMIT_MS = 30_000;
const POLL_MS = 25;
const never = longLived(new AbortController()).signal;

/** Starts a registry on a free port of the loopback. Throws with the end of its log when it does not come up. */
export async function startRegistry({ users, clock = systemClock }: RegistryOptions = {}): Promise<Registry> {
  const missing = missingParts(users === undefined ? ['docker-registry'] : ['docker-registry', 'perl']);
  if (missing !== undefined) throw new Error(`A registry cannot be started: ${missing}.`);
  const folder = mkdtempSync(join(tmpdir(), 'or-'));
  const guardian = startGuardian(folder);
  if (users !== undefined) writeFileSync(join(folder, 'htpasswd'), Object.entries(users).map(([name, password]) => `${name}:${bcrypt(password)}\n`).join(''), { mode: 0o600 });
  writeFileSync(join(folder, 'config.yml'), configOf(folder, users !== undefined));
  const log: string[] = [];
  const child = spawn(programPath('docker-registry') as string, ['serve', join(folder, 'config.yml')], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const ended = once(child, 'exit');
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      if (log.push(chunk) > 200) log.splice(1, 100);
    });
    (stream as unknown as { unref?(): void }).unref?.();
  }
  child.unref();
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> =>
    (stopping ??= (async () => {
      child.kill('SIGKILL');
      await ended;
      await guardian.sweep();
    })());
  const until = clock.monotonic() + START_LIMIT_MS;
  for (;;) {
    const host = /listening on (127\.0\.0\.1:\d+)/.exec(log.join(''))?.[1];
    if (host !== undefined) return { host, push: (socketPath, image, name, user) => push(host, socketPath, image, name, user, users), stop, [Symbol.asyncDispose]: stop };
    if (child.exitCode !== null || clock.monotonic() > until) {
      await stop();
      throw new Error(`docker-registry did not start: ${log.join('').slice(-2_000)}`);
    }
    await clock.sleep(POLL_MS, never);
  }
}

function configOf(folder: string, guarded: boolean): string {
  const config = {
    version: 0.1,
    log: { level: 'info', formatter: 'text' },
    storage: { filesystem: { rootdirectory: join(folder, 'data') }, delete: { enabled: true } },
    http: { addr: '127.0.0.1:0', secret: 'of one process only' },
    ...(guarded && { auth: { htpasswd: { realm: 'registry', path: join(folder, 'htpasswd') } } }),
  };
  // JSON is YAML.
  return JSON.stringify(config);
}

/** The registry takes bcrypt only, and glibc's crypt, by perl of Debian's base system, can do it. The password goes by standard input. */
function bcrypt(password: string): string {
  const alphabet = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  // The last character carries two bits only.
  const salt = `${Array.from({ length: 21 }, () => alphabet[systemRandom.int(64)]).join('')}.`;
  const hash = execFileSync('perl', ['-e', 'my $p = <STDIN>; print crypt($p, $ARGV[0])', `$2b$04$${salt}`], { input: password, encoding: 'utf8' });
  if (!/^\$2b\$04\$.{53}$/.test(hash)) throw new Error('crypt of this machine cannot do bcrypt.');
  return hash;
}

async function push(host: string, socketPath: string, image: string, name: string, user: string | undefined, users: RegistryOptions['users']): Promise<{ reference: string; digest: string }> {
  const [repository, tag] = splitName(`${host}/${name}`);
  await mustApi(socketPath, 'POST', `/images/${encodeURIComponent(image)}/tag?${new URLSearchParams({ repo: repository, tag }).toString()}`);
  const who = user ?? Object.keys(users ?? {})[0];
  const auth = who === undefined ? {} : { username: who, password: users?.[who] ?? '', serveraddress: host };
  const headers = { 'x-registry-auth': padded(JSON.stringify(auth)) };
  const said = await mustApi(socketPath, 'POST', `/images/${encodeURIComponent(repository)}/push?${new URLSearchParams({ tag }).toString()}`, { headers });
  const digest = /"Digest":"(sha256:[0-9a-f]{64})"/.exec(said)?.[1];
  if (digest === undefined) throw new Error(`The engine did not tell the digest of ${name}: ${said.slice(-500)}`);
  return { reference: `${repository}:${tag}`, digest };
}

/** Base64 for addresses with its padding, without which the engine takes it for nothing. */
const padded = (text: string): string => Buffer.from(text).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
