import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOrchestrator, Event, type Orchestrator, Pod, type Runtime, Runtimes, Secret, systemClock } from '@orrery/core';
import { busyboxImage, type DockerEngine, engineApi, type Registry, requireParts, startDockerd, startRegistry } from '@orrery/engines';
import { dockerRuntime } from '@orrery/runtime-docker';
import { memoryStore } from '@orrery/store-memory';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DiskSpace, nodeAgent } from '../index.js';
import { containerOf, never } from '../test/cluster.js';
import { Collector } from './collector.js';
import { imageSettings } from './settings.js';

const { missing, note } = requireParts('dockerd', 'docker-registry', 'busybox', 'tar', 'ip', 'perl');

describe.skipIf(missing)(`images of pods on a Docker engine${note}`, () => {
  let engine: DockerEngine;
  let registry: Registry;
  let orchestrator: Orchestrator;
  const folder = mkdtempSync(join(tmpdir(), 'orrery-images-'));
  let space: DiskSpace = { capacityBytes: 1_000, availableBytes: 1_000 };

  beforeAll(async () => {
    [engine, registry] = await Promise.all([startDockerd({ bridge: true }), startRegistry({ users: { anna: 'correct horse' } })]);
    for (const [name, user] of [['root', ''], ['app', 'USER 1000'], ['named', 'USER app']] as const) {
      const id = await busyboxImage(engine.socketPath, `${name}:seed`, ['CMD ["sleep", "1000"]', ...(user === '' ? [] : [user])]);
      await registry.push(engine.socketPath, id, `team/${name}:1`);
      for (const tag of [`${name}:seed`, `${registry.host}/team/${name}:1`]) await engineApi(engine.socketPath, 'DELETE', `/images/${tag}`);
    }
    orchestrator = await createOrchestrator({
      plugins: [memoryStore(), dockerRuntime({ id: 'images', socketPath: engine.socketPath }), nodeAgent({ name: 'node', rootDir: folder, diskSpace: async () => space })],
    });
    await orchestrator.start();
    const auths = { [registry.host]: { auth: Buffer.from('anna:correct horse').toString('base64') } };
    await orchestrator.client.kind(Secret).create({
      apiVersion: 'v1', kind: 'Secret', metadata: { name: 'pull', namespace: 'default' }, type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') },
    } as Secret);
  }, 120_000);
  afterAll(async () => {
    await orchestrator?.stop();
    await Promise.all([engine?.stop(), registry?.stop()]);
    rmSync(folder, { recursive: true, force: true });
  });

  const until = async (name: string, wanted: (pod: Pod) => boolean): Promise<Pod> => {
    const started = systemClock.monotonic();
    for (;;) {
      const pod = await orchestrator.client.kind(Pod).find({ namespace: 'default', name });
      if (pod !== undefined && wanted(pod)) return pod;
      if (systemClock.monotonic() - started > 30_000) throw new Error(`${name}: ${JSON.stringify(pod?.status, null, 1)}`);
      await systemClock.sleep(50, never);
    }
  };
  const run = (name: string, image: string, spec: object = {}): Promise<Pod> =>
    orchestrator.client.kind(Pod).create({
      apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' },
      spec: { nodeName: 'node', terminationGracePeriodSeconds: 1, containers: [{ name: 'main', image: `${registry.host}/team/${image}` }], imagePullSecrets: [{ name: 'pull' }], ...spec },
    } as Pod);
  const running = (pod: Pod): boolean => containerOf(pod)?.state?.running !== undefined;
  const waits = (reason: string) => (pod: Pod): boolean => containerOf(pod)?.state?.waiting?.reason === reason;
  const runtime = () => orchestrator.get(Runtimes).get() as Runtime;

  it('are pulled with the pod\'s secrets, and the status tells which one runs', async () => {
    await run('pulled', 'root:1');
    const pod = await until('pulled', running);
    expect(containerOf(pod)).toMatchObject({ image: `${registry.host}/team/root:1`, imageID: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) });
    const seen = async (): Promise<string[]> => (await orchestrator.client.kind(Event).list({ namespace: 'default' })).items.filter(({ involvedObject }) => involvedObject.name === 'pulled').map(({ message }) => message ?? '');
    await expect.poll(seen).toEqual(expect.arrayContaining([expect.stringMatching(/^Successfully pulled image ".*" in .*s \(.* including waiting\)\. Image size: \d+ bytes\.$/)]));
  });

  it('that may not be had, or that are not there, show why, without the credentials', async () => {
    await run('nobody', 'app:1', { imagePullSecrets: [] });
    await run('missing', 'app:none');
    const pods = [await until('nobody', waits('ImagePullBackOff')), await until('missing', waits('ImagePullBackOff'))];
    expect(containerOf(pods[0] as Pod)?.state?.waiting?.message).toMatch(/no basic auth|unauthorized/);
    expect(containerOf(pods[1] as Pod)?.state?.waiting?.message).toMatch(/manifest/);
    const { items } = await orchestrator.client.kind(Event).list({ namespace: 'default' });
    expect(JSON.stringify([pods, items])).not.toMatch(/horse/);
  });

  it('must not run as root where the pod says so', async () => {
    for (const image of ['root', 'app', 'named']) await run(`as-${image}`, `${image}:1`, { securityContext: { runAsNonRoot: true } });
    await until('as-app', running);
    for (const image of ['root', 'named']) await until(`as-${image}`, waits('CreateContainerConfigError'));
  });

  it('go when space runs out, but for those in use and the sandbox\'s own', async () => {
    await busyboxImage(engine.socketPath, 'unused:1', ['LABEL a=b']);
    const inUse = new Set((await runtime().listContainers(never)).map(({ imageId }) => imageId));
    const warned: string[] = [];
    const collector = new Collector({
      runtime: runtime(), clock: systemClock, log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => { throw new Error('none'); } }, settings: imageSettings({ imageMinimumGCAgeSeconds: 0 }),
      events: { event: (_about, _type, reason) => void warned.push(reason) }, node: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node' } }, diskSpace: async () => space,
    });
    await collector.collectImages(never);
    expect(await runtime().imageStatus('unused:1', never)).toBeDefined();
    space = { capacityBytes: 1_000_000_000_000, availableBytes: 0 };
    await collector.collectImages(never);
    const left = await runtime().listImages(never);
    expect(left.every(({ id, pinned }) => pinned || inUse.has(id))).toBe(true);
    expect(left.filter(({ pinned }) => pinned).length).toBe(1);
    expect(left.filter(({ id }) => inUse.has(id)).length).toBe(inUse.size);
    expect(warned).toEqual(['FreeDiskSpaceFailed']);
    expect(running(await until('pulled', () => true))).toBe(true);
  });
});
