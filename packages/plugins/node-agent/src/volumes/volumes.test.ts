import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfigMap, Container, Pod } from '@orrery/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EnvSources } from '../pod/env.js';
import { podOf } from '../test/build.js';
import { checkedPath } from './payload.js';
import { Volumes } from './volumes.js';

let root: string;
let volumes: Volumes;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'orrery-volumes-'));
  volumes = new Volumes(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const withData = (data: Record<string, string> | undefined): EnvSources => ({
  configMap: async () => (data === undefined ? undefined : ({ data } as unknown as ConfigMap)),
  secret: async () => undefined, services: () => [], podIPs: [], hostIP: '', allocatable: {},
});
const podWith = (volume: object): Pod => podOf({ volumes: [{ name: 'v', ...volume }] });
const folder = (): string => join(root, 'pods/u-1/volumes/v');
const mounting = (mount: object): Container => ({ name: 'main', volumeMounts: [{ name: 'v', mountPath: '/v', ...mount }] }) as Container;

describe('paths inside a volume', () => {
  it.each(['..', '../x', 'a/../../x', '/etc/passwd', 'a\0b', '', 'a//b', './a', '..data', 'a/.'])('%j is refused', (path) => {
    expect(() => checkedPath(path)).toThrow(/not a path inside a volume/);
  });
  it.each(['a', 'a/b', '.hidden', 'a..b', 'a/..b'])('%j is taken', (path) => expect(checkedPath(path)).toBe(path));
});

describe('volumes', () => {
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
  });

  it('a missing source is an error that names it, unless it is optional', async () => {
    await expect(volumes.prepare(podWith({ configMap: { name: 'none' } }), withData(undefined))).rejects.toThrow('configmap "none" not found');
    await volumes.prepare(podWith({ configMap: { name: 'none', optional: true } }), withData(undefined));
    await expect(volumes.prepare(podWith({ configMap: { name: 'c', items: [{ key: 'x', path: 'x' }] } }), withData({ a: '1' }))).rejects.toThrow('has no key "x"');
    await expect(volumes.prepare(podWith({ configMap: { name: 'c', items: [{ key: 'a', path: '../../out' }] } }), withData({ a: '1' }))).rejects.toThrow('not a path inside a volume');
    await expect(volumes.prepare(podWith({ hostPath: { path: '/' } }), withData({}))).rejects.toThrow('volumes of type hostPath are not supported');
  });

  it('an emptyDir keeps what was written; a subPath is made in it, and cannot lead out of it', async () => {
    const pod = podWith({ emptyDir: {} });
    await volumes.prepare(pod, withData({}));
    const [mount] = volumes.mounts(pod, mounting({ subPath: 'deep/er' }));
    expect(mount).toMatchObject({ hostPath: join(folder(), 'deep/er'), containerPath: '/v', readOnly: false });
    expect(lstatSync(mount?.hostPath ?? '').isDirectory()).toBe(true);
    symlinkSync('/', join(folder(), 'way-out'));
    symlinkSync('/no/such/place', join(folder(), 'dangling'));
    expect(() => volumes.mounts(pod, mounting({ subPath: 'way-out/etc' }))).toThrow('leads out of its volume');
    expect(() => volumes.mounts(pod, mounting({ subPath: 'dangling' }))).toThrow('does not exist in its volume');
    expect(() => volumes.mounts(pod, mounting({ name: 'other' }))).toThrow('mounts volume "other", which the pod does not have');
    await volumes.prepare(pod, withData({}));
    expect(readdirSync(folder()).sort()).toEqual(['dangling', 'deep', 'way-out']);
  });

  it('go with their pod', async () => {
    await volumes.prepare(podWith({ emptyDir: {} }), withData({}));
    expect(volumes.uids()).toEqual(['u-1']);
    await volumes.remove('u-1');
    await volumes.remove('u-1');
    expect(volumes.uids()).toEqual([]);
    await expect(volumes.remove('../..')).rejects.toThrow('malformed');
  });
});
