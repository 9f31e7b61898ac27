import { realpath, stat } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { relative } from 'node:path';
import type { Volume } from '@orrery/core';
import { cleanPath, isWithin } from '../pod/below.js';
import { ConfigError } from '../pod/env.js';
import type { Policy } from '../policy/policy.js';
import { type Missing, openBeneath } from './open-beneath.js';

type HostPath = NonNullable<Volume['hostPath']>;

/** What a hostPath volume may be used for, and where it is. */
export interface HostPlace {
  /** Without links. */
  readonly path: string;
  /** It may only be read. */
  readonly readOnly: boolean;
  readonly isDirectory: boolean;
}

/** What to make when nothing is there. An empty type means a folder, as container engines take it. */
const MAKES: Readonly<Record<string, Missing>> = { '': 'directory', DirectoryOrCreate: 'directory', FileOrCreate: 'file' };

const IS: Readonly<Record<string, { readonly test: (stat: Stats) => boolean; readonly what: string }>> = {
  Directory: { test: (stat) => stat.isDirectory(), what: 'a directory' },
  DirectoryOrCreate: { test: (stat) => stat.isDirectory(), what: 'a directory' },
  File: { test: (stat) => stat.isFile(), what: 'a file' },
  FileOrCreate: { test: (stat) => stat.isFile(), what: 'a file' },
  Socket: { test: (stat) => stat.isSocket(), what: 'a socket file' },
  CharDevice: { test: (stat) => stat.isCharacterDevice(), what: 'a character device' },
  BlockDevice: { test: (stat) => stat.isBlockDevice(), what: 'a block device' },
};

/**
 * Finds (or makes, if its type says so) what a hostPath volume shows, and holds it to the policy once more: by where it really is, with links followed
 * (kubelet host_path checkType). Throws {@link ConfigError}.
 */
export async function hostPlace({ path: given, type = '' }: HostPath, rules: Policy['hostPaths']): Promise<HostPlace> {
  const path = cleanPath(given);
  const missing = MAKES[type] ?? 'refuse';
  const check = IS[type];
  if (check === undefined && type !== '') throw new ConfigError(`hostPath type ${JSON.stringify(type)} is not known`);
  const matching = rules.filter((rule) => isWithin(cleanPath(rule.path), path));
  if (matching.length === 0) throw new ConfigError(`hostPath ${JSON.stringify(path)} is not allowed on this node`);
  for (const rule of matching.sort((a, b) => Number(a.readOnly) - Number(b.readOnly))) {
    const real = await placeWithin(cleanPath(rule.path), path, missing);
    if (real === undefined) continue;
    const facts = await stat(real);
    if (check !== undefined && !check.test(facts)) throw new ConfigError(`hostPath type check failed: ${path} is not ${check.what}`);
    return { path: real, readOnly: rule.readOnly, isDirectory: facts.isDirectory() };
  }
  throw new ConfigError(`hostPath ${JSON.stringify(path)} leads out of what is allowed on this node`);
}

/** Where `path` really is; undefined when that is outside of `root`. */
async function placeWithin(root: string, path: string, missing: Missing): Promise<string | undefined> {
  const [real, realRoot] = [await realpath(path).catch(absent), await realpath(root).catch(absent)];
  if (realRoot === undefined) throw new ConfigError(`hostPath ${JSON.stringify(path)} does not exist`);
  if (real !== undefined) return isWithin(realRoot, real) ? real : undefined;
  if (path === root) throw new ConfigError(`hostPath ${JSON.stringify(path)} does not exist`);
  await using place = await openBeneath(realRoot, relative(root, path), missing, `hostPath ${JSON.stringify(path)}`);
  return place.realPath;
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
  return undefined;
}
