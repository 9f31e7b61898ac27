import { setTimeout as wait } from 'node:timers/promises';
import { longLived, OrreryError } from '@orrery/core';
import { type DockerEngine, busyboxImage, engineApi, imageOf, type Registry, type RegistryProxy, requireParts, startDockerd, startRegistry, startRegistryProxy } from '@orrery/engines';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Engine } from '../engine/engine.js';
import { DockerImages } from './images.js';

const never = longLived(new AbortController()).signal;
const parts = requireParts('dockerd', 'docker-registry', 'busybox', 'perl');

describe.skipIf(parts.missing)(`images of a Docker engine${parts.note}`, () => {
  let docker: DockerEngine;
  let registry: Registry;
  let guarded: Registry;
  let proxy: RegistryProxy;
  let engine: Engine;
  let images: DockerImages;
  let digest: string;
  const password = 'correct horse';

  beforeAll(async () => {
    [docker, registry, guarded] = await Promise.all([startDockerd({ args: ['--max-download-attempts=1'] }), startRegistry(), startRegistry({ users: { anna: password } })]);
    proxy = await startRegistryProxy(registry.host);
    engine = new Engine({ socketPath: docker.socketPath });
    images = new DockerImages(engine, { pullIdleMs: 5_000 });
    await busyboxImage(docker.socketPath, 'seed', ['USER 1000:1000']);
    ({ digest } = await registry.push(docker.socketPath, 'seed', 'team/app:1'));
    await guarded.push(docker.socketPath, 'seed', 'team/secret:1');
  });
  afterAll(async () => {
    await images?.close();
    engine?.close();
    await Promise.all([docker?.stop(), registry?.stop(), guarded?.stop(), proxy?.stop()]);
  });

  const forget = async (): Promise<void> => {
    for (const { id, pinned } of await images.list(never)) if (!pinned) await images.remove(id, never);
  };
  beforeEach(() => void (proxy.decide = () => 'pass'));
  const failure = (promise: Promise<unknown>): Promise<OrreryError> => promise.then(() => { throw new Error('it succeeded'); }, (error: unknown) => error as OrreryError);

  it('pulls by tag and by digest, and tells what it has', async () => {
    await forget();
    const name = `${registry.host}/team/app`;
    expect(await images.status(`${name}:1`, never)).toBeUndefined();
    const pulled = await images.pull(`${name}:1`, never);
    expect(pulled).toMatchObject({ reference: `${name}:1`, tags: [`${name}:1`], digests: [`${name}@${digest}`], user: { uid: 1000 }, pinned: false });
    expect(pulled.sizeBytes).toBeGreaterThan(100_000);
    await images.remove(pulled.id, never);
    const again = await images.pull(`${name}@${digest}`, never);
    expect(again).toMatchObject({ id: pulled.id, tags: [], digests: [`${name}@${digest}`] });
    expect(await images.pull(`${name}:any@${digest}`, never)).toMatchObject({ id: pulled.id });
    expect(await images.status(pulled.id, never)).toMatchObject({ id: pulled.id });
    expect(await images.status(pulled.id.slice('sha256:'.length), never)).toMatchObject({ id: pulled.id });
    expect(await images.user(pulled.id, never)).toBe('1000:1000');
    expect((await images.list(never)).map(({ id }) => id)).toContain(pulled.id);
  });

  it('asks with credentials, and never tells them', async () => {
    const name = `${guarded.host}/team/secret:1`;
    await forget();
    expect(await images.pull(name, never, { username: 'anna', password })).toMatchObject({ reference: name });
    for (const auth of [undefined, { username: 'anna', password: 'wrong horse' }, { username: 'bob', password }]) {
      const error = await failure(images.pull(name, never, auth));
      expect(OrreryError.is(error, 'IMAGE_UNAVAILABLE')).toBe(true);
      expect(error.message).toMatch(/unauthorized|no basic auth/);
      expect(JSON.stringify([error.message, error.details, String(error.cause)])).not.toMatch(/horse/);
    }
  });

  it('tells what the registry says', async () => {
    const { host } = registry;
    expect((await failure(images.pull(`${host}/team/app:missing`, never))).message).toMatch(/manifest.*(unknown|not found)/);
    expect((await failure(images.pull(`${host}/nothing:1`, never))).message).toMatch(/not found|unknown/);
    const down = await startRegistry();
    await down.stop();
    expect((await failure(images.pull(`${down.host}/team/app:1`, never))).message).toMatch(/connection refused/);
    proxy.decide = () => ({ status: 429, body: '{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}', headers: { 'content-type': 'application/json' } });
    const limited = await failure(images.pull(`${proxy.host}/team/app:1`, never));
    expect(OrreryError.is(limited, 'IMAGE_UNAVAILABLE')).toBe(true);
    expect(limited.message).toMatch(/toomanyrequests|429|slow down/i);
    await expect(images.pull('Not a name', never)).rejects.toThrow(/INVALID/);
    await expect(images.pull(`sha256:${'a'.repeat(64)}`, never)).rejects.toThrow(/INVALID/);
  });

  it('gives up a pull that stops half-way, and has the image afterwards when asked again', async () => {
    await forget();
    const name = `${proxy.host}/team/app:1`;
    proxy.decide = (_method, path) => (path.includes('/blobs/') ? { cutAfterBytes: 4_096, keepOpen: true } : 'pass');
    const stuck = await failure(images.pull(name, never));
    expect(OrreryError.is(stuck, 'IMAGE_UNAVAILABLE')).toBe(true);
    expect(stuck.message).toMatch(/no progress|does not answer/);
    expect(await images.status(name, never)).toBeUndefined();
    proxy.decide = () => 'stall';
    expect((await failure(images.pull(name, never))).message).toMatch(/no progress|does not answer/);
    proxy.decide = () => 'pass';
    expect(await images.pull(name, never)).toMatchObject({ reference: name });
  }, 60_000);

  it('fails a pull whose connection breaks off for good', async () => {
    await forget();
    const short = new DockerImages(engine, { pullIdleMs: 20_000 });
    proxy.decide = (_method, path) => (path.includes('/blobs/') ? { cutAfterBytes: 4_096 } : 'pass');
    const broken = await failure(short.pull(`${proxy.host}/team/app:1`, never));
    expect(OrreryError.is(broken, 'IMAGE_UNAVAILABLE')).toBe(true);
    await short.close();
  }, 60_000);

  it('shares one pull between those who ask for the same at once', async () => {
    await forget();
    const name = `${proxy.host}/team/app:1`;
    const before = proxy.requests.length;
    const leaving = new AbortController();
    const left = images.pull(name, leaving.signal);
    const all = Promise.all(Array.from({ length: 10 }, () => images.pull(name, never)));
    leaving.abort();
    expect(OrreryError.is(await failure(left), 'ABORTED')).toBe(true);
    expect(new Set((await all).map(({ id }) => id)).size).toBe(1);
    const heads = proxy.requests.slice(before).filter((line) => /manifests\/1$/.test(line));
    const blobs = proxy.requests.slice(before).filter((line) => line.includes('/blobs/'));
    expect(heads.length).toBeLessThanOrEqual(2);
    expect(new Set(blobs).size).toBe(blobs.length);
  });

  it('pulls no more at once than it may', async () => {
    const narrow = new DockerImages(engine, { parallelPulls: 2, pullIdleMs: 2_000 });
    proxy.decide = () => 'stall';
    const before = proxy.requests.length;
    const pulls = Array.from({ length: 6 }, (_, index) => failure(narrow.pull(`${proxy.host}/many/a${index}:1`, never)));
    await expect.poll(() => proxy.requests.length - before).toBeGreaterThanOrEqual(2);
    await wait(300);
    expect(proxy.requests.length - before).toBe(2);
    await narrow.close();
    for (const error of await Promise.all(pulls)) expect(OrreryError.is(error)).toBe(true);
  });

  it('removes an image with all its names, unless something was made from it', async () => {
    await forget();
    const id = await busyboxImage(docker.socketPath, 'one:1');
    await engineApi(docker.socketPath, 'POST', `/images/${id}/tag?repo=two&tag=2`);
    const { text } = await engineApi(docker.socketPath, 'POST', '/containers/create', { body: { Image: id, Cmd: ['true'] } });
    const { Id: container } = JSON.parse(text) as { Id: string };
    const error = await failure(images.remove(id, never));
    expect(OrreryError.is(error, 'CONFLICT')).toBe(true);
    expect([...((await images.status(id, never))?.tags ?? [])].sort()).toEqual(['one:1', 'two:2']);
    await engineApi(docker.socketPath, 'DELETE', `/containers/${container}`);
    await images.remove(id, never);
    expect(await images.status(id, never)).toBeUndefined();
    expect(await images.status('two:2', never)).toBeUndefined();
    await images.remove(id, never);
  });

  it('makes the sandbox image once, runs it, pins it, and makes it again when it is gone', async () => {
    const [one, two] = await Promise.all([images.ensureSandboxImage(never), images.ensureSandboxImage(never)]);
    expect(two).toBe(one);
    const other = new DockerImages(engine);
    expect(await other.ensureSandboxImage(never)).toBe(one);
    expect((await other.list(never)).find(({ id }) => id === one)).toMatchObject({ pinned: true });
    const { text } = await engineApi(docker.socketPath, 'POST', '/containers/create', { body: { Image: one, HostConfig: { NetworkMode: 'none' } } });
    const { Id: container } = JSON.parse(text) as { Id: string };
    await engineApi(docker.socketPath, 'POST', `/containers/${container}/start`);
    // As the first process of its namespace it hears SIGTERM, and does not use up its grace.
    const began = engine.clock.monotonic();
    await engineApi(docker.socketPath, 'POST', `/containers/${container}/stop?t=20`);
    expect(engine.clock.monotonic() - began).toBeLessThan(10_000);
    expect(JSON.parse((await engineApi(docker.socketPath, 'GET', `/containers/${container}/json`)).text)).toMatchObject({ State: { ExitCode: 0 } });
    await engineApi(docker.socketPath, 'DELETE', `/containers/${container}`);
    await images.remove(one, never);
    images.forgetSandboxImage();
    const again = await images.ensureSandboxImage(never);
    expect(await images.status(again, never)).toMatchObject({ pinned: true });
  });

  it('takes another sandbox image: pulled by its name, or built from a program', async () => {
    await forget();
    const pulled = new DockerImages(engine, { sandboxImage: { reference: `${registry.host}/team/app:1` } });
    const id = await pulled.ensureSandboxImage(never);
    expect(await pulled.status(id, never)).toMatchObject({ pinned: true, tags: [`${registry.host}/team/app:1`] });
    const built = new DockerImages(engine, { sandboxImage: { build: '/bin/busybox' } });
    expect(await built.status(await built.ensureSandboxImage(never), never)).toMatchObject({ pinned: true });
    await expect(new DockerImages(engine, { sandboxImage: { build: '/nonexistent' } }).ensureSandboxImage(never)).rejects.toThrow(/INVALID/);
  });

  it('tells where images lie and how much they take', async () => {
    await imageOf(docker.socketPath, 'some', { files: { '/a': 'x'.repeat(200_000) } });
    const { path, usedBytes } = await images.filesystem(never);
    expect(path).toBe(`${docker.folder}/data`);
    expect(usedBytes).toBeGreaterThan(200_000);
  });

  it('tells an engine that is gone from a registry that says no', async () => {
    await docker.kill('SIGKILL');
    const error = await failure(images.pull(`${registry.host}/team/app:1`, never));
    expect(OrreryError.is(error, 'UNAVAILABLE')).toBe(true);
    await docker.start();
    const name = `${proxy.host}/team/other:1`;
    proxy.decide = () => 'stall';
    const before = proxy.requests.length;
    const cut = failure(images.pull(name, never));
    await expect.poll(() => proxy.requests.length).toBeGreaterThan(before);
    await docker.kill('SIGKILL');
    expect(OrreryError.is(await cut, 'UNAVAILABLE')).toBe(true);
    await docker.start();
    expect(await images.pull(`${registry.host}/team/app:1`, never)).toMatchObject({ pinned: false });
  }, 60_000);
});
