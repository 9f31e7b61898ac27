import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfigMap, Container, Mount, Pod } from '@orrery/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EnvSources } from '../pod/env.js';
import { podOf } from '../test/build.js';
import { memorySize } from './empty-dir.js';
import { checkedPath } from './payload.js';
import { PodFolders } from './pod-folders.js';
import { exceededLimit, folderUsage } from './usage.js';
import { Volumes, type VolumesOptions } from './volumes.js';

let root: string;
let notices: string[];
const volumesWith = (more: Partial<VolumesOptions> = {}): Volumes =>
  new Volumes({ folders: new PodFolders(root), hostPaths: [], mounter: undefined, bindSubPaths: false, memoryBytes: 2 ** 30, notice: (_, message) => notices.push(message), ...more });
let volumes: Volumes;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'orrery-volumes-')));
  notices = [];
  volumes = volumesWith();
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const withData = (data: Record<string, string> | undefined): EnvSources => ({
  configMap: async () => (data === undefined ? undefined : ({ data } as unknown as ConfigMap)),
  secret: async () => undefined, services: () => [], podIPs: [], hostIP: '', allocatable: {},
});
const podWith = (volume: object): Pod => podOf({ volumes: [{ name: 'v', ...volume }] });
const folder = (): string => join(root, 'pods/u-1/volumes/v');
const mounting = (mount: object): Container => ({ name: 'main', volumeMounts: [{ name: 'v', mountPath: '/v', ...mount }] }) as Container;
const mountOf = async (pod: Pod, mount: object, env: Record<string, string> = {}, of: Volumes = volumes): Promise<Mount> => {
  const [found] = await of.mounts(pod, mounting(mount), new Map(Object.entries(env)));
  if (found === undefined) throw new Error('no mount');
  return found;
};

describe('paths inside a volume', () => {
  it.each(['..', '../x', 'a/../../x', '/etc/passwd', 'a\0b', '', 'a//b', './a', '..data', 'a/.'])('%j is refused', (path) => {
    expect(() => checkedPath(path)).toThrow(/not a path inside a volume/);
  });
  it.each(['a', 'a/b', '.hidden', 'a..b', 'a/..b'])('%j is taken', (path) => expect(checkedPath(path)).toBe(path));
});

describe('volumes of files', () => {
  it('change as a whole, and only when something changed', async () => {
    const pod = podWith({ configMap: { name: 'conf', defaultMode: 0o640 } });
    await volumes.prepare(pod, withData({ a: '1', b: '2' }));
    expect(readFileSync(join(folder(), 'a'), 'utf8')).toBe('1');
    expect(statSync(join(folder(), 'a')).mode & 0o777).toBe(0o640);
    expect(readlinkSync(join(folder(), 'a'))).toBe('..data/a');
    const first = readlinkSync(join(folder(), '..data'));
    await volumes.prepare(pod, withData({ a: '1', b: '2' }));
    expect(readlinkSync(join(folder(), '..data'))).toBe(first);
    await volumes.prepare(pod, withData({ a: 'new' }));
    expect(readFileSync(join(folder(), 'a'), 'utf8')).toBe('new');
    expect(readdirSync(folder()).sort()).toEqual(['..2', '..data', 'a']);
    expect(await mountOf(pod, {})).toEqual({ hostPath: folder(), containerPath: '/v', readOnly: true });
  });

  it('a missing source is an error that names it, unless it is optional', async () => {
    await expect(volumes.prepare(podWith({ configMap: { name: 'none' } }), withData(undefined))).rejects.toThrow('configmap "none" not found');
    await volumes.prepare(podWith({ configMap: { name: 'none', optional: true } }), withData(undefined));
    await expect(volumes.prepare(podWith({ configMap: { name: 'c', items: [{ key: 'x', path: 'x' }] } }), withData({ a: '1' }))).rejects.toThrow('has no key "x"');
    await expect(volumes.prepare(podWith({ configMap: { name: 'c', items: [{ key: 'a', path: '../../out' }] } }), withData({ a: '1' }))).rejects.toThrow('not a path inside a volume');
  });

  it.each([
    [{ nfs: { server: 's', path: '/' } }, 'volume "v": volumes of type nfs are not supported by this agent'],
    [{ persistentVolumeClaim: { claimName: 'c' } }, 'volume "v": volumes of type persistentVolumeClaim are not supported by this agent'],
    [{ projected: { sources: [{ serviceAccountToken: { path: 't' } }] } }, 'projected volumes with the source serviceAccountToken are not supported'],
    [{ emptyDir: { medium: 'HugePages' } }, 'an emptyDir of medium "HugePages" is not supported'],
    [{ hostPath: { path: '/' } }, 'hostPath "/" is not allowed on this node'],
  ])('%j is an error that says so', async (volume, message) => {
    await expect(volumes.prepare(podWith(volume), withData({}))).rejects.toThrow(message);
  });

  it('a link that this agent did not make is not taken for a generation to delete', async () => {
    const pod = podWith({ configMap: { name: 'conf' } });
    const precious = join(root, 'precious');
    mkdirSync(precious);
    mkdirSync(folder(), { recursive: true });
    symlinkSync('../../../../precious', join(folder(), '..data'));
    await volumes.prepare(pod, withData({ a: '1' }));
    expect(statSync(precious).isDirectory()).toBe(true);
    expect(readFileSync(join(folder(), 'a'), 'utf8')).toBe('1');
  });

  it.skipIf(process.getuid?.() !== 0)('belong to the group of the pod, which can read them', async () => {
    const pod = podOf({ securityContext: { fsGroup: 4321 }, volumes: [{ name: 'v', configMap: { name: 'c', defaultMode: 0o400 } }, { name: 'e', emptyDir: {} }] });
    await volumes.prepare(pod, withData({ a: '1' }));
    const stat = statSync(join(folder(), 'a'));
    expect([stat.gid, stat.mode & 0o777]).toEqual([4321, 0o440]);
    const empty = statSync(join(root, 'pods/u-1/volumes/e'));
    expect([empty.gid, empty.mode & 0o7777]).toEqual([4321, 0o2777]);
    const before = readlinkSync(join(folder(), '..data'));
    await volumes.prepare(pod, withData({ a: '1' }));
    expect(readlinkSync(join(folder(), '..data'))).toBe(before);
  });

  it('a part of them follows its source where mounts are links', async () => {
    const pod = podWith({ configMap: { name: 'conf' } });
    await volumes.prepare(pod, withData({ a: '1' }));
    const { hostPath } = await mountOf(pod, { subPath: 'a' });
    await volumes.prepare(pod, withData({ a: '2' }));
    expect(readFileSync(hostPath, 'utf8')).toBe('2');
    await expect(mountOf(pod, { subPath: 'b' })).rejects.toThrow('does not exist in its volume');
  });
});

describe('an emptyDir', () => {
  it('keeps what was written; a subPath is made in it, and cannot lead out of it', async () => {
    const pod = podWith({ emptyDir: {} });
    await volumes.prepare(pod, withData({}));
    expect(await mountOf(pod, { subPath: 'deep//er/' })).toMatchObject({ hostPath: join(folder(), 'deep/er'), containerPath: '/v', readOnly: false });
    expect(lstatSync(join(folder(), 'deep/er')).mode & 0o777).toBe(0o777);
    symlinkSync('/', join(folder(), 'way-out'));
    symlinkSync('/no/such/place', join(folder(), 'dangling'));
    symlinkSync('loop', join(folder(), 'loop'));
    symlinkSync('deep', join(folder(), 'inside'));
    await expect(mountOf(pod, { subPath: 'way-out/etc' })).rejects.toThrow('leads out of its volume');
    await expect(mountOf(pod, { subPath: 'way-out' })).rejects.toThrow('leads out of its volume');
    await expect(mountOf(pod, { subPath: 'dangling' })).rejects.toThrow('does not exist in its volume');
    await expect(mountOf(pod, { subPath: 'loop/x' })).rejects.toThrow('does not exist in its volume');
    await expect(mountOf(pod, { subPath: '../x' })).rejects.toThrow('is not a path inside a volume');
    expect((await mountOf(pod, { subPath: 'inside/er' })).hostPath).toBe(join(folder(), 'deep/er'));
    await expect(mountOf(pod, { name: 'other' })).rejects.toThrow('mounts volume "other", which the pod does not have');
    await volumes.prepare(pod, withData({}));
    expect(readdirSync(folder()).sort()).toEqual(['dangling', 'deep', 'inside', 'loop', 'way-out']);
  });

  it('stays as its users have it', async () => {
    const pod = podWith({ emptyDir: {} });
    await volumes.prepare(pod, withData({}));
    expect(statSync(folder()).mode & 0o777).toBe(0o777);
    chmodSync(folder(), 0o700);
    await volumes.prepare(pod, withData({}));
    expect(statSync(folder()).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(folder(), '..'))).toEqual(['v']);
  });

  it('a subPathExpr is filled in from the environment, and held to the same', async () => {
    const pod = podWith({ emptyDir: {} });
    await volumes.prepare(pod, withData({}));
    expect((await mountOf(pod, { subPathExpr: 'logs/$(POD)-$$(POD)' }, { POD: 'web-0' })).hostPath).toBe(join(folder(), 'logs/web-0-$(POD)'));
    await expect(mountOf(pod, { subPathExpr: '$(NONE)/x' })).rejects.toThrow('missing value for "NONE"');
    await expect(mountOf(pod, { subPathExpr: 'x/$(POD)' }, { POD: '../../..' })).rejects.toThrow('is not a path inside a volume');
    await expect(mountOf(pod, { subPathExpr: '$(POD)' }, { POD: '/etc' })).rejects.toThrow('is not a path inside a volume');
  });

  it('in memory lies on disk where this agent may not mount, and that is told', async () => {
    await volumes.prepare(podWith({ emptyDir: { medium: 'Memory' } }), withData({}));
    expect(notices).toEqual([expect.stringContaining('The emptyDir volume "v" lies on disk')]);
  });

  it('in memory is as large as its limit, the pod\'s or the machine\'s', () => {
    const limited = (memory: string | undefined, sizeLimit?: string) => {
      const volume = { name: 'v', emptyDir: { medium: 'Memory', ...(sizeLimit !== undefined && { sizeLimit }) } };
      return memorySize(podOf({ volumes: [volume], containers: [{ name: 'c', ...(memory !== undefined && { resources: { limits: { memory } } }) }] }), volume, 2 ** 30);
    };
    expect([limited(undefined), limited('64Mi'), limited('64Mi', '1Mi'), limited('4Gi', '2Gi')]).toEqual([2 ** 30, 2 ** 26, 2 ** 20, 2 ** 30]);
  });

  it('is measured as it lies on the disk, hard links once, up to a number of files', async () => {
    const pod = podWith({ emptyDir: { sizeLimit: '1Mi' } });
    await volumes.prepare(pod, withData({}));
    mkdirSync(join(folder(), 'sub'));
    writeFileSync(join(folder(), 'sub/file'), Buffer.alloc(64 * 1024));
    const { linkSync } = await import('node:fs');
    linkSync(join(folder(), 'sub/file'), join(folder(), 'again'));
    symlinkSync('/usr', join(folder(), 'usr'));
    const usage = (await volumes.usage(pod)).get('v');
    expect(usage).toMatchObject({ inodes: 4, complete: true });
    expect(usage?.bytes).toBeGreaterThanOrEqual(64 * 1024);
    expect(usage?.bytes).toBeLessThan(100 * 1024);
    expect(exceededLimit(pod, await volumes.usage(pod))).toBeUndefined();
    writeFileSync(join(folder(), 'more'), Buffer.alloc(2 ** 20));
    expect(exceededLimit(pod, await volumes.usage(pod))).toMatchObject({ volume: 'v', limitBytes: 2 ** 20 });
    expect(await folderUsage(folder(), 2)).toMatchObject({ inodes: 2, complete: false });
  });
});

describe('a hostPath', () => {
  let data: string;
  beforeEach(() => {
    data = join(root, 'data');
    mkdirSync(data);
    writeFileSync(join(data, 'file'), '');
    volumes = volumesWith({ hostPaths: [{ path: data, readOnly: false }] });
  });
  const place = (path: string, type?: string, mount: object = {}, of = volumes) => mountOf(podWith({ hostPath: { path, ...(type !== undefined && { type }) } }), mount, {}, of);

  it.each([['', 'new'], ['DirectoryOrCreate', 'new/deep'], ['FileOrCreate', 'new-file']])('of type %j is made', async (type, name) => {
    const { hostPath } = await place(join(data, name), type);
    expect(hostPath).toBe(join(data, name));
    expect(statSync(hostPath).isFile()).toBe(type === 'FileOrCreate');
    expect((await place(join(data, name), type)).hostPath).toBe(hostPath);
  });

  it.each([
    ['Directory', 'file', 'is not a directory'], ['DirectoryOrCreate', 'file', 'is not a directory'], ['File', '.', 'is not a file'], ['FileOrCreate', '.', 'is not a file'],
    ['Socket', 'file', 'is not a socket file'], ['CharDevice', 'file', 'is not a character device'], ['BlockDevice', 'file', 'is not a block device'],
    ['Directory', 'none', 'does not exist'], ['File', 'none', 'does not exist'], ['Other', 'file', 'is not known'],
  ])('of type %s is checked against %s', async (type, name, message) => {
    await expect(place(join(data, name), type)).rejects.toThrow(message);
  });

  it('of type File, Socket and CharDevice is what is there', async () => {
    expect((await place(join(data, 'file'), 'File')).hostPath).toBe(join(data, 'file'));
    const server = createServer().listen(join(data, 'socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    expect((await place(join(data, 'socket'), 'Socket')).hostPath).toBe(join(data, 'socket'));
    await new Promise((resolve) => server.close(resolve));
    expect((await place('/dev/null', 'CharDevice', {}, volumesWith({ hostPaths: [{ path: '/dev', readOnly: false }] }))).hostPath).toBe('/dev/null');
  });

  it('does not lead out of what is allowed, by name or by a link', async () => {
    mkdirSync(join(root, 'data2'));
    await expect(place(join(root, 'data2'))).rejects.toThrow('is not allowed on this node');
    symlinkSync('/etc', join(data, 'etc'));
    await expect(place(join(data, 'etc'))).rejects.toThrow('leads out of what is allowed');
    await expect(place(join(data, 'etc/made-here'), 'DirectoryOrCreate')).rejects.toThrow('leads out of its volume');
    symlinkSync(join(data, 'file'), join(data, 'link'));
    expect((await place(join(data, 'link'), 'File')).hostPath).toBe(join(data, 'file'));
  });

  it('is only read where the policy says so', async () => {
    const readOnly = volumesWith({ hostPaths: [{ path: root, readOnly: true }] });
    expect((await place(data, 'Directory', {}, readOnly)).readOnly).toBe(true);
    expect((await place(data, 'Directory')).readOnly).toBe(false);
    expect(await place(data, 'Directory', { readOnly: true, mountPropagation: 'HostToContainer' })).toMatchObject({ readOnly: true, propagation: 'HostToContainer' });
    await expect(place(data, 'Directory', { readOnly: true, recursiveReadOnly: 'Enabled' })).rejects.toThrow('recursive read-only mounts are not supported');
    // A subPath is not made where nothing may be written.
    await expect(place(data, 'Directory', { subPath: 'fresh' }, readOnly)).rejects.toThrow('does not exist in its volume');
    expect((await place(data, 'Directory', { subPath: 'fresh' })).hostPath).toBe(join(data, 'fresh'));
  });
});

it('a claim\'s volume is where its provider says', async () => {
  chmodSync(root, 0o755);
  const claimed = volumesWith({ claimFolder: async (namespace, claim) => join(root, 'claims', namespace, claim) });
  mkdirSync(join(root, 'claims/default/c'), { recursive: true });
  expect(await mountOf(podWith({ persistentVolumeClaim: { claimName: 'c', readOnly: true } }), {}, {}, claimed)).toMatchObject({ hostPath: join(root, 'claims/default/c'), readOnly: true });
});

it('volumes go with their pod', async () => {
  await volumes.prepare(podWith({ emptyDir: {} }), withData({}));
  expect(volumes.uids()).toEqual(['u-1']);
  await volumes.remove('u-1');
  await volumes.remove('u-1');
  expect(volumes.uids()).toEqual([]);
  await expect(volumes.remove('../..')).rejects.toThrow('malformed');
});
