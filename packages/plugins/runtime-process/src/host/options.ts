import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync } from 'node:fs';
import { homedir, tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import type { Clock, Logger } from '@orrery/core';
import { OrreryError } from '@orrery/core';
import { layout } from '../shared/layout.js';
import type { HelperOptions } from '../shared/layout.js';

/** How to make a process runtime. Everything has a default. */
export interface ProcessRuntimeOptions {
  /** The name a pod's runtime class selects. Default `process`. */
  readonly name?: string;
  /** Tells orchestrators of one user apart: each id has a state directory of its own. Default `default`. Letters, digits, `-`, `_` and `.`. */
  readonly id?: string;
  /** Where records, logs and the helper's socket are kept, readable by this user only. Default `$XDG_STATE_HOME/orrery/<id>`, else `~/.local/state/orrery/<id>`. */
  readonly stateDir?: string;
  /** Where a container without a `workingDir` works. Default: the host's working directory now. */
  readonly workingDir?: string;
  /** The block of 127.0.0.0/8 that pods get their addresses from. Default: the first /16 that no other orchestrator on this machine holds. */
  readonly podCIDR?: string;
  /** How long the helper stays when nobody is connected and nothing runs, in seconds. Default 30. */
  readonly lingerSeconds?: number;
  /** A container's log file is closed and the next begun above this size. Default 10 MiB, as the kubelet's containerLogMaxSize. */
  readonly logMaxBytes?: number;
  /** How many log files of one container are kept. Default 5, as the kubelet's containerLogMaxFiles. */
  readonly logMaxFiles?: number;
  /** `auto`: limits are enforced where this user may make control groups (as root). Default `auto`. */
  readonly cgroups?: 'auto' | 'off';
  readonly clock?: Clock;
  readonly logger?: Logger;
}

/** The socket address of Linux holds 108 bytes, the last of them a zero. */
const MAX_SOCKET_PATH_BYTES = 107;

/** Checks the options and makes the state directory. Throws `INVALID`, and `UNAVAILABLE` on another system than Linux. */
export function prepare(options: ProcessRuntimeOptions): HelperOptions {
  if (process.platform !== 'linux') throw new OrreryError('UNAVAILABLE', `The process runtime needs Linux (/proc, loopback addresses); this is ${process.platform}.`);
  const id = options.id ?? 'default';
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$/.test(id)) throw new OrreryError('INVALID', `The runtime id "${id}" may have letters, digits, "-", "_" and ".", and at most 63 of them.`, { id });
  const stateHome = process.env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state');
  const stateDir = resolve(options.stateDir ?? join(stateHome, 'orrery', id));
  ownDirectory(stateDir);
  return {
    stateDir,
    socketPath: socketPathFor(stateDir),
    lingerMs: (options.lingerSeconds ?? 30) * 1000,
    ...(options.podCIDR === undefined ? {} : { podCIDR: options.podCIDR }),
    logMaxBytes: options.logMaxBytes ?? 10 * 1024 * 1024,
    logMaxFiles: options.logMaxFiles ?? 5,
    cgroups: options.cgroups ?? 'auto',
  };
}

/** The socket lies in the state directory, or where that path is too long, in a short one of this user's own. */
function socketPathFor(stateDir: string): string {
  const direct = layout.socket(stateDir);
  if (Buffer.byteLength(direct) <= MAX_SOCKET_PATH_BYTES) return direct;
  const short = join(shortDirectory(), `orrery-${userInfo().uid}`);
  ownDirectory(short);
  return join(short, `${createHash('sha256').update(stateDir).digest('hex').slice(0, 20)}.sock`);
}

/** The temporary directory may itself be too long. */
function shortDirectory(): string {
  return Buffer.byteLength(tmpdir()) <= 60 ? tmpdir() : '/tmp';
}

/** Makes a directory that only this user can enter, or makes sure that an existing one is such. A directory that others can enter is refused: they could answer in the helper's place. */
function ownDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const stat = lstatSync(path);
  if (!stat.isDirectory() || stat.uid !== process.getuid?.() || (stat.mode & 0o077) !== 0) {
    throw new OrreryError('INVALID', `"${path}" must be a directory that belongs to this user and that nobody else can enter (mode 0700).`, { path });
  }
}
