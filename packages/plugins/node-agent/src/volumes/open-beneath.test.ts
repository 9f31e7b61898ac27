import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../pod/env.js';
import { openBeneath } from './open-beneath.js';

let root: string;
let volume: string;
let outside: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'orrery-beneath-')));
  [volume, outside] = [join(root, 'volume'), join(root, 'outside')];
  mkdirSync(volume);
  mkdirSync(join(outside, 'secret'), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Exchanges `volume/door` as fast as it can: a folder, then a link that leads out. Says when it has begun. */
const SWAPPER = `
  const { renameSync, symlinkSync, unlinkSync, existsSync, writeSync } = require('node:fs');
  const [volume, outside] = process.argv.slice(1);
  for (let round = 0; existsSync(volume); round += 1) {
    renameSync(volume + '/door', volume + '/aside');
    symlinkSync(outside, volume + '/door');
    unlinkSync(volume + '/door');
    renameSync(volume + '/aside', volume + '/door');
    if (round === 100) writeSync(1, 'begun');
  }`;

describe('a place inside a folder', () => {
  it('is held by its handle, whatever becomes of its name', async () => {
    mkdirSync(join(volume, 'a/b'), { recursive: true });
    await using place = await openBeneath(volume, 'a/b', 'refuse');
    const { ino } = statSync(join(volume, 'a/b'));
    rmSync(join(volume, 'a'), { recursive: true });
    symlinkSync(outside, join(volume, 'a'));
    expect(statSync(place.handlePath).ino).toBe(ino);
  });

  it('is made step by step, as open as its folder', async () => {
    await using folder = await openBeneath(volume, 'new/deep', 'directory');
    expect(folder).toMatchObject({ realPath: join(volume, 'new/deep'), isDirectory: true });
    await using file = await openBeneath(volume, 'new/file', 'file');
    expect(file).toMatchObject({ realPath: join(volume, 'new/file'), isDirectory: false });
    await expect(openBeneath(volume, 'none', 'refuse')).rejects.toThrow('does not exist in its volume');
    writeFileSync(join(volume, 'plain'), '');
    await expect(openBeneath(volume, 'plain/x', 'directory')).rejects.toThrow(ConfigError);
  });

  it('leaves no handle open, whether it is found or refused', async () => {
    symlinkSync(outside, join(volume, 'out'));
    const open = (): number => readdirSync('/proc/self/fd').filter((fd) => existsSync(`/proc/self/fd/${fd}`) && readlinkSync(`/proc/self/fd/${fd}`).startsWith(root)).length;
    for (const path of ['out', 'out/secret', 'none', 'x/../y', 'made']) await openBeneath(volume, path, path === 'made' ? 'directory' : 'refuse').then((place) => place[Symbol.asyncDispose](), () => undefined);
    expect(open()).toBe(0);
  });

  it('is never outside, while somebody exchanges folders for links', async () => {
    mkdirSync(join(volume, 'door/secret'), { recursive: true });
    const inside = statSync(join(volume, 'door/secret')).ino;
    const swapper = spawn(process.execPath, ['-e', SWAPPER, volume, outside], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await new Promise((resolve) => swapper.stdout.once('data', resolve));
      const seen = { inside: 0, refused: 0, followedByName: 0 };
      for (let round = 0; round < 60_000 && (round < 3_000 || Math.min(seen.inside, seen.followedByName) === 0); round += 1) {
        const place = await openBeneath(volume, 'door/secret', 'refuse').catch((error: unknown) => {
          if (!(error instanceof ConfigError)) throw error;
          seen.refused += 1;
        });
        if (place !== undefined) {
          expect(statSync(place.handlePath).ino).toBe(inside);
          seen.inside += 1;
          await place[Symbol.asyncDispose]();
        }
        // What the swapper would catch: the same path by its name.
        const byName = statSync(join(volume, 'door/secret'), { throwIfNoEntry: false });
        if (byName !== undefined && byName.ino !== inside) seen.followedByName += 1;
      }
      expect(seen.inside).toBeGreaterThan(0);
      expect(seen.followedByName).toBeGreaterThan(0);
    } finally {
      const ended = new Promise((resolve) => swapper.once('exit', resolve));
      swapper.kill('SIGKILL');
      await ended;
    }
  }, 60_000);
});
