import { Event, Node, type Orchestrator, Pod, Secret } from '@orrery/core';
import type { ImageOf, SimulatedImagesOptions } from '@orrery/runtime-simulated';
import { afterEach, describe, expect, it } from 'vitest';
import { containerOf } from '../test/cluster.js';
import { VirtualCluster } from '../test/virtual.js';

let cluster: VirtualCluster;
let orchestrator: Orchestrator;
afterEach(() => cluster.stop());

async function start(images: SimulatedImagesOptions, more: Omit<ConstructorParameters<typeof VirtualCluster>[0] & object, 'images'> = {}): Promise<void> {
  cluster = new VirtualCluster({ images, ...more });
  orchestrator = await cluster.start();
}

const run = (name: string, spec: object = {}, container: object = {}): Promise<Pod> =>
  orchestrator.client.kind(Pod).create({
    apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' },
    spec: { nodeName: 'node', terminationGracePeriodSeconds: 5, containers: [{ name: 'main', image: 'app:1', ...container }], ...spec },
  } as Pod);
const get = (name: string): Promise<Pod> => orchestrator.client.kind(Pod).get({ namespace: 'default', name });
/** What the container waits for. */
const waiting = async (name = 'p'): Promise<{ reason?: string | undefined; message?: string | undefined }> => containerOf(await get(name))?.state?.waiting ?? {};

/** Events of a pod, in order: `reason: message (×times)`. */
async function events(name = 'p'): Promise<string[]> {
  await cluster.clock.advance(1_500);
  const { items } = await orchestrator.client.kind(Event).list({ namespace: 'default' });
  return items.filter(({ involvedObject }) => involvedObject.name === name).map(({ reason, message }) => `${reason}: ${message}`);
}
const refusing: ImageOf = () => ({ refuse: 'manifest unknown' });

describe('pull policies', () => {
  it('IfNotPresent pulls once, and takes what is there after that', async () => {
    const asked: string[] = [];
    await start({ registry: (reference) => (asked.push(reference), { sizeBytes: 1_234, pullMs: 2_500 }) });
    await run('p', {}, { imagePullPolicy: 'IfNotPresent' });
    await cluster.clock.advance(10_000);
    expect((await get('p')).status?.phase).toBe('Running');
    expect(await events()).toEqual(expect.arrayContaining([
      'Pulling: Pulling image "app:1"',
      'Pulled: Successfully pulled image "app:1" in 2.5s (2.5s including waiting). Image size: 1234 bytes.',
    ]));
    await run('q', {}, { imagePullPolicy: 'IfNotPresent' });
    await cluster.clock.advance(1_000);
    expect(await events('q')).toContain('Pulled: Container image "app:1" already present on machine');
    expect(asked).toEqual(['docker.io/library/app:1']);
  });

  it('Always asks the registry each time, by the name as it was completed', async () => {
    const asked: string[] = [];
    await start({ registry: (reference) => (asked.push(reference), { sizeBytes: 1 }), present: { app: { sizeBytes: 1 } } });
    await run('p', {}, { image: 'app' });
    await run('q', {}, { image: 'app' });
    await cluster.clock.advance(5_000);
    expect(asked).toEqual(['docker.io/library/app:latest', 'docker.io/library/app:latest']);
  });

  it('Never takes what is there, and says when it is not; and starts when it has come', async () => {
    await start({ registry: () => ({ sizeBytes: 1 }) });
    await run('p', {}, { imagePullPolicy: 'Never' });
    await cluster.clock.advance(5_000);
    expect(await waiting()).toEqual({ reason: 'ErrImageNeverPull', message: 'Container image "app:1" is not present with pull policy of Never' });
    expect(await events()).toEqual(expect.arrayContaining(['ErrImageNeverPull: Container image "app:1" is not present with pull policy of Never', 'Failed: Error: ErrImageNeverPull']));
    await cluster.machine.images?.pull('app:1', undefined);
    await cluster.clock.advance(11_000);
    expect((await get('p')).status?.phase).toBe('Running');
  });

  it('a name that is none is told, and no registry is asked', async () => {
    await start({ registry: () => { throw new Error('asked'); } });
    await run('p', {}, { image: 'Not/A:Name:' });
    await cluster.clock.advance(5_000);
    const { reason, message } = await waiting();
    expect(reason).toBe('InvalidImageName');
    expect(message).toMatch(/^Failed to apply default image tag "Not\/A:Name:"/);
    expect(await events()).toContain('Failed: Error: InvalidImageName');
  });

  it('an engine that cannot say whether the image is there is an ImageInspectError', async () => {
    await start({ registry: () => ({ sizeBytes: 1 }) }, { faults: { before: (operation) => { if (operation === 'imageStatus' && refuse) throw new Error('broken index'); } } });
    let refuse = true;
    await run('p', {}, { imagePullPolicy: 'IfNotPresent' });
    await cluster.clock.advance(5_000);
    expect(await waiting()).toEqual({ reason: 'ImageInspectError', message: 'Failed to inspect image "app:1": broken index' });
    refuse = false;
    await cluster.clock.advance(11_000);
    expect((await get('p')).status?.phase).toBe('Running');
  });
});

describe('pulls that fail', () => {
  it('show ErrImagePull, then ImagePullBackOff, and are tried again after 10, 20, 40 … 300 seconds', async () => {
    const tries: number[] = [];
    await start({ registry: () => (tries.push(cluster.clock.now()), { refuse: 'manifest unknown' }) });
    await run('p');
    await cluster.clock.advance(500);
    expect(await waiting()).toMatchObject({ reason: 'ErrImagePull', message: expect.stringMatching(/manifest unknown$/) });
    await cluster.clock.advance(3_000);
    expect(await waiting()).toMatchObject({ reason: 'ImagePullBackOff', message: expect.stringMatching(/^Back-off pulling image "app:1": ErrImagePull: .*manifest unknown$/) });
    expect(await events()).toEqual(expect.arrayContaining(['Failed: Error: ErrImagePull', 'Failed: Error: ImagePullBackOff', 'BackOff: Back-off pulling image "app:1"']));
    await cluster.clock.advance(2_000_000);
    const gaps = tries.slice(1).map((at, index) => Math.round((at - (tries[index] as number)) / 1_000));
    expect(gaps.slice(0, 8)).toEqual([10, 20, 40, 80, 160, 300, 300, 300]);
  });

  it('end when the registry has it after all', async () => {
    let there = false;
    await start({ registry: (reference, auth) => (there ? { sizeBytes: 1 } : refusing(reference, auth)) });
    await run('p');
    await cluster.clock.advance(15_000);
    there = true;
    await cluster.clock.advance(25_000);
    const pod = await get('p');
    expect(pod.status?.phase).toBe('Running');
    expect(containerOf(pod)?.imageID).toMatch(/^sha256:/);
  });

  it('a pod that is deleted while its image is pulled does not wait for it', async () => {
    await start({ registry: () => ({ sizeBytes: 1, pullMs: Number.POSITIVE_INFINITY }) });
    await run('p');
    await cluster.clock.advance(60_000);
    expect(await waiting()).toMatchObject({ reason: 'ContainerCreating' });
    await orchestrator.client.kind(Pod).delete({ namespace: 'default', name: 'p' });
    await cluster.clock.advance(10_000);
    expect(await orchestrator.client.kind(Pod).find({ namespace: 'default', name: 'p' })).toBeUndefined();
    expect(cluster.machine.containers()).toEqual([]);
  });

  it('no more are pulled at once than may be', async () => {
    let [now, most] = [0, 0];
    const registry: ImageOf = () => {
      most = Math.max(most, (now += 1));
      cluster.clock.timer(1_000, () => (now -= 1));
      return { sizeBytes: 1, pullMs: 1_000 };
    };
    await start({ registry }, { agent: { maxParallelImagePulls: 1 } });
    for (const name of ['a', 'b', 'c']) await run(name, {}, { image: `${name}:1` });
    await cluster.clock.advance(20_000);
    expect(most).toBe(1);
    expect((await events('c')).find((line) => line.startsWith('Pulled'))).toMatch(/in 1s \(3s including waiting\)/);
  });
});

describe('credentials', () => {
  const pullSecret = (name: string, username: string) =>
    orchestrator.client.kind(Secret).create({
      apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'default' }, type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths: { 'r.example': { username, password: `of ${username}` } } })).toString('base64') },
    } as Secret);
  const onlyAnna: ImageOf = (_reference, auth) => (auth?.username === 'anna' && auth.password === 'of anna' ? { sizeBytes: 1 } : { refuse: `unauthorized ${auth?.username ?? 'nobody'}` });

  it('of the pod\'s pull secrets are tried in turn', async () => {
    await start({ registry: onlyAnna });
    await pullSecret('first', 'bob');
    await pullSecret('second', 'anna');
    await run('p', { imagePullSecrets: [{ name: 'first' }, { name: 'second' }] }, { image: 'r.example/app:1' });
    await run('other', { imagePullSecrets: [{ name: 'first' }] }, { image: 'r.example/other:1' });
    await cluster.clock.advance(5_000);
    expect((await get('p')).status?.phase).toBe('Running');
    expect(await waiting('other')).toMatchObject({ reason: 'ImagePullBackOff', message: expect.stringContaining('unauthorized bob') });
    expect(JSON.stringify([await events('p'), await events('other'), await get('other')])).not.toContain('of bob');
  });

  it('that come later are tried at once, without waiting for the back-off of those before', async () => {
    await start({ registry: onlyAnna });
    await run('p', { imagePullSecrets: [{ name: 'late' }] }, { image: 'r.example/app:1' });
    await cluster.clock.advance(200_000);
    expect(await waiting()).toMatchObject({ message: expect.stringContaining('unauthorized nobody') });
    expect(await events()).toContain('FailedToRetrieveImagePullSecret: Unable to retrieve some image pull secrets (late); attempting to pull the image may not succeed.');
    await pullSecret('late', 'anna');
    await cluster.clock.advance(5_000);
    expect((await get('p')).status?.phase).toBe('Running');
  });
});

describe('runAsNonRoot', () => {
  it('holds the image\'s user to it', async () => {
    const users = { root: undefined, zero: { uid: 0 }, app: { uid: 1_000 }, named: { name: 'app' } };
    await start({ registry: (reference) => {
      const user = users[/(\w+):1$/.exec(reference)?.[1] as keyof typeof users];
      return { sizeBytes: 1, ...(user !== undefined && { user }) };
    } });
    for (const name of Object.keys(users)) await run(name, { securityContext: { runAsNonRoot: true } }, { image: `${name}:1` });
    await cluster.clock.advance(5_000);
    expect((await get('app')).status?.phase).toBe('Running');
    for (const name of ['root', 'zero']) expect(await waiting(name)).toMatchObject({ reason: 'CreateContainerConfigError', message: expect.stringContaining('image will run as root') });
    expect(await waiting('named')).toMatchObject({ reason: 'CreateContainerConfigError', message: expect.stringContaining('non-numeric user (app)') });
  });
});

describe('collection', () => {
  const present = { old: { sizeBytes: 100 }, older: { sizeBytes: 100 }, pause: { sizeBytes: 100, pinned: true } };
  const left = (): string[] => (cluster.machine.images?.list() ?? []).map(({ tags }) => (tags[0] ?? '').replace(/^.*\/(\w+):.*$/, '$1')).sort();

  it('removes the images that nothing was made from, until enough is free', async () => {
    let availableBytes = 500;
    const diskSpace = async () => ({ capacityBytes: 1_000, availableBytes });
    await start({ registry: () => ({ sizeBytes: 100 }), present: { ...present, app: { sizeBytes: 100 } } }, { agent: { diskSpace } });
    await run('p', {}, { image: 'app:latest', imagePullPolicy: 'Never' });
    await cluster.clock.advance(400_000);
    expect(left()).toEqual(['app', 'old', 'older', 'pause']);
    availableBytes = 110; // 90 bytes to free: one image
    await cluster.clock.advance(300_000);
    expect(left()).toEqual(['app', 'older', 'pause']);
    availableBytes = 0;
    await cluster.clock.advance(300_000);
    expect(left()).toEqual(['app', 'pause']);
    const { items } = await orchestrator.client.kind(Event).list({ namespace: 'default' });
    expect(items.find(({ reason }) => reason === 'FreeDiskSpaceFailed')).toMatchObject({
      involvedObject: { kind: 'Node', name: 'node' },
      message: 'Failed to garbage collect required amount of images. Attempted to free 200 bytes, but only found 100 bytes eligible to free.',
    });
    expect((await get('p')).status?.phase).toBe('Running');
    expect((await orchestrator.client.kind(Node).get({ name: 'node' })).metadata.name).toBe('node');
  });

  it('keeps images that came a moment ago, and asks no machine for its space that is not there', async () => {
    await start({ registry: () => ({ sizeBytes: 100 }), present }, { agent: { diskSpace: async () => ({ capacityBytes: 1_000, availableBytes: 0 }), imageMinimumGCAgeSeconds: 3_600 } });
    await cluster.clock.advance(1_000);
    // What was there before the agent is old.
    expect(left()).toEqual(['pause']);
    await cluster.machine.images?.pull('fresh', undefined);
    await cluster.clock.advance(1_800_000);
    expect(left()).toEqual(['fresh', 'pause']);
    await cluster.clock.advance(3_000_000);
    expect(left()).toEqual(['pause']);
    await cluster.stop();
    await start({ registry: () => ({ sizeBytes: 100 }), present });
    await cluster.clock.advance(600_000);
    expect(left()).toEqual(['old', 'older', 'pause']);
  });

  it('removes dead containers beyond what the node keeps', async () => {
    await start({ registry: () => ({ sizeBytes: 1 }) }, { agent: { maximumDeadContainers: 1 }, behaviour: () => ({ exitAfterMs: 100 }) });
    for (const name of ['a', 'b', 'c']) await run(name, { restartPolicy: 'Never' });
    await cluster.clock.advance(120_000);
    expect(cluster.machine.containers().length).toBe(1);
    for (const name of ['a', 'b', 'c']) expect((await get(name)).status?.phase).toBe('Succeeded');
  });
});

describe('a pod whose time is over while it pulls', () => {
  it('does not wait for the pull', async () => {
    await start({ registry: () => ({ sizeBytes: 1, pullMs: 3_600_000 }) });
    await run('p', { activeDeadlineSeconds: 30 });
    await cluster.clock.advance(25_000);
    expect((await get('p')).status?.phase).toBe('Pending');
    await cluster.clock.advance(10_000);
    expect((await get('p')).status).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded' });
  });
});
