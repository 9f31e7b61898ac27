import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfigMap, Container, Pod } from '@orrery/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EnvSources } from '../pod/env.js';
import { podOf } from '../test/build.js';
import { mountsWithin, parseMountInfo } from './mount-table.js';
import { type Mounter, systemMounter } from './mounter.js';
import { PodFolders } from './pod-folders.js';
import { Volumes } from './volumes.js';

const mounter = systemMounter();
if (mounter === undefined && process.env['ORRERY_REQUIRE'] === 'all') throw new Error('This process may not mount.');

it('the mount table is read with its escapes', () => {
  const text = '36 35 98:0 / /mnt/a\\040b rw,noatime shared:1 master:2 - tmpfs tmpfs rw\n37 36 98:0 /x /mnt rw - ext4 /dev/root rw\n';
  expect(parseMountInfo(text)).toEqual([{ path: '/mnt/a b', filesystem: 'tmpfs' }, { path: '/mnt', filesystem: 'ext4' }]);
});

describe.skipIf(mounter === undefined)(`mounts of volumes${mounter === undefined ? ' (skipped: this process may not mount)' : ''}`, () => {
  let root: string;
  let volumes: Volumes;
  const volumesWith = (given: Mounter | undefined = mounter, hostPaths: { path: string; readOnly: boolean }[] = []): Volumes =>
    new Volumes({ folders: new PodFolders(root), hostPaths, mounter: given, bindSubPaths: true, memoryBytes: 2 ** 30, notice: (_, message) => { throw new Error(message); } });
  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'orrery mounts ')));
    volumes = volumesWith();
  });
  afterEach(async () => {
    for (const { path } of await mountsWithin(root)) await mounter?.unmount(path);
    rmSync(root, { recursive: true, force: true });
  });

  const sources = (data: Record<string, string>): EnvSources => ({ configMap: async () => ({ data }) as unknown as ConfigMap, secret: async () => undefined, services: () => [], podIPs: [], hostIP: '', allocatable: {} });
  const podWith = (volume: object): Pod => podOf({ volumes: [{ name: 'v', ...volume }] });
  const folder = (): string => join(root, 'pods/u-1/volumes/v');
  const part = async (pod: Pod, subPath: string, of = volumes): Promise<string> => {
    const container = { name: 'main', volumeMounts: [{ name: 'v', mountPath: '/v', subPath }] } as Container;
    return (await of.mounts(pod, container, new Map()))[0]?.hostPath ?? '';
  };
  const mounted = async (): Promise<string[]> => (await mountsWithin(root)).map(({ path }) => path);

  it('an emptyDir in memory is a file system of its size, mounted once, measured, and gone with its pod, also for an agent that did not make it', async () => {
    const pod = podWith({ emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } });
    await volumes.prepare(pod, sources({}));
    writeFileSync(join(folder(), 'kept'), Buffer.alloc(100_000));
    await volumesWith().prepare(pod, sources({}));
    expect(await mountsWithin(root)).toEqual([{ path: folder(), filesystem: 'tmpfs' }]);
    expect(statSync(folder()).mode & 0o7777).toBe(0o777);
    expect((await volumes.usage(pod)).get('v')).toMatchObject({ bytes: 102_400, complete: true });
    expect(() => writeFileSync(join(folder(), 'large'), Buffer.alloc(2 ** 21))).toThrow('ENOSPC');
    // As after `kill -9`: nothing is known but the mount table.
    await volumesWith().remove('u-1');
    expect(await mounted()).toEqual([]);
    expect(existsSync(join(root, 'pods/u-1'))).toBe(false);
  });

  it('an emptyDir in memory belongs to the group of the pod', async () => {
    await volumes.prepare(podOf({ securityContext: { fsGroup: 4321 }, volumes: [{ name: 'v', emptyDir: { medium: 'Memory' } }] }), sources({}));
    const { gid, mode } = statSync(folder());
    expect([gid, mode & 0o7777]).toEqual([4321, 0o2777]);
  });

  it('a subPath stays what was checked, whatever becomes of its name', async () => {
    const pod = podWith({ emptyDir: {} });
    await volumes.prepare(pod, sources({}));
    const path = await part(pod, 'a/b');
    expect(path).toBe(join(root, 'pods/u-1/subpaths/main/0'));
    writeFileSync(join(folder(), 'a/b/mine'), 'mine');
    renameSync(join(folder(), 'a'), join(folder(), 'moved'));
    symlinkSync('/etc', join(folder(), 'a'));
    expect(readFileSync(join(path, 'mine'), 'utf8')).toBe('mine');
    rmSync(join(folder(), 'a'));
    renameSync(join(folder(), 'moved'), join(folder(), 'a'));
    // The next attempt of the container finds it again.
    expect(await part(pod, 'a/b')).toBe(path);
    expect(await mounted()).toEqual([path]);
  });

  it('a part of a volume of files is the file it was when the container started', async () => {
    const pod = podWith({ configMap: { name: 'c' } });
    await volumes.prepare(pod, sources({ key: 'old' }));
    const path = await part(pod, 'key');
    await volumes.prepare(pod, sources({ key: 'new' }));
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readFileSync(join(folder(), 'key'), 'utf8')).toBe('new');
    expect(await part(pod, 'key')).toBe(path);
    expect(readFileSync(path, 'utf8')).toBe('new');
    expect(await mounted()).toEqual([path]);
  });

  it('what is mounted in a pod\'s folder is let go, not deleted', async () => {
    const precious = join(root, 'precious');
    mkdirSync(precious);
    writeFileSync(join(precious, 'file'), 'kept');
    const shared = volumesWith(mounter, [{ path: precious, readOnly: false }]);
    const pod = podOf({ volumes: [{ name: 'v', hostPath: { path: precious } }] });
    await part(pod, 'made', shared);
    const inside = join(root, 'pods/u-1/volumes/left');
    mkdirSync(inside, { recursive: true });
    await mounter?.bind(precious, inside);
    await mounter?.memory(join(inside, 'made'), 2 ** 20, 0o755);
    const user = process.cwd();
    try {
      // In use, as by a process that has not ended yet.
      process.chdir(inside);
      await shared.remove('u-1');
    } finally {
      process.chdir(user);
    }
    expect((await mounted()).filter((path) => path.includes('/pods/'))).toEqual([]);
    expect(existsSync(join(root, 'pods/u-1'))).toBe(false);
    expect(readFileSync(join(precious, 'file'), 'utf8')).toBe('kept');
  });

  it('nothing is removed while something is mounted', async () => {
    const pod = podWith({ emptyDir: { medium: 'Memory' } });
    await volumes.prepare(pod, sources({}));
    writeFileSync(join(folder(), 'file'), 'kept');
    const powerless = volumesWith({ bind: async () => {}, memory: async () => {}, unmount: async () => {} });
    await expect(powerless.remove('u-1')).rejects.toThrow('is still mounted');
    expect(readFileSync(join(folder(), 'file'), 'utf8')).toBe('kept');
  });
});
