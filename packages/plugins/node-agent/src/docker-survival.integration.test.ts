import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Event, Node, systemClock } from '@orrery/core';
import { requireParts } from '@orrery/engines';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { containerOf } from './test/cluster.js';
import { deploymentOf, DockerCluster, lives } from './test/docker-cluster.js';

// The whole way, from a Deployment to containers, while its engine and its host break.

const { missing, note } = requireParts('dockerd', 'busybox', 'tar');
const PODS = 20;
/** A pod's sandbox and its container. */
const EACH = 2;

/** A cluster for the tests of one describe; each leaves nothing on the engine. */
function onEngine(options: Parameters<DockerCluster['open']>[0]): () => DockerCluster {
  let cluster: DockerCluster;
  beforeAll(async () => {
    cluster = await new DockerCluster().open(options);
    await cluster.start();
  });
  afterEach(async () => {
    await cluster.engine.start();
    await cluster.undeploy('web');
    expect(await cluster.of('web')).toEqual([]);
  });
  afterAll(() => cluster?.close());
  return () => cluster;
}

describe.skipIf(missing)(`pods on an engine that keeps containers while it is down${note}`, () => {
  const cluster = onEngine({ liveRestore: true });

  it('kill -9 of the engine: no pod is lost, restarted or duplicated', async () => {
    await cluster().deploy('web', PODS);
    const before = lives(await cluster().allReady('web', PODS));
    const watch = cluster().watchRunning('web');
    await cluster().engine.kill('SIGKILL');
    await cluster().until('the node says that its runtime is down', async () => (await cluster().nodeReady()) === 'False');
    await cluster().engine.start();
    await cluster().until('the node is ready again', async () => (await cluster().nodeReady()) === 'True');
    expect(lives(await cluster().allReady('web', PODS))).toEqual(before);
    expect((await cluster().containers()).map(({ State }) => State)).toEqual(Array(PODS * EACH).fill('running'));
    expect(watch.most()).toBe(PODS);
    await watch.stop();
  });

  it('kill -9 of the engine and of the host: the next host adopts what runs', async () => {
    await cluster().orchestrator.stop();
    const given = JSON.stringify({ folder: cluster().folder, socketPath: cluster().engine.socketPath, deployment: deploymentOf('web', PODS) });
    const host = spawn(process.execPath, [fileURLToPath(new URL('test/docker-host.mjs', import.meta.url)), given], { stdio: ['ignore', 'ignore', 'inherit'] });
    const ended = once(host, 'exit');
    try {
      await cluster().until('all containers run', async () => {
        if (host.exitCode !== null) throw new Error(`the host has ended with ${host.exitCode}`);
        const all = await cluster().containers();
        return all.length === PODS * EACH && all.every(({ State }) => State === 'running');
      });
    } finally {
      host.kill('SIGKILL');
      await ended;
    }
    const ids = (await cluster().containers()).map(({ Id }) => Id).sort();
    await cluster().engine.kill('SIGKILL');
    await cluster().engine.start();
    await cluster().start();
    const pods = await cluster().allReady('web', PODS);
    expect(pods.map((pod) => containerOf(pod)?.restartCount)).toEqual(Array(PODS).fill(0));
    expect((await cluster().containers()).map(({ Id }) => Id).sort()).toEqual(ids);
  });

  it('an engine that is away for a while: the node says so, its pods stay, and all goes on', async () => {
    await cluster().deploy('web', 3);
    const before = lives(await cluster().allReady('web', 3));
    await cluster().engine.kill('SIGTERM');
    // Longer than any part waits for its engine.
    await cluster().until('the node is not ready for a while', async () => {
      const node = await cluster().orchestrator.client.kind(Node).get({ name: 'node' });
      const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
      return ready?.status === 'False' && systemClock.now() - Date.parse(ready.lastTransitionTime ?? '') > 18_000;
    });
    expect(lives(await cluster().of('web'))).toEqual(before);
    await cluster().engine.start();
    await cluster().until('the node is ready again', async () => (await cluster().nodeReady()) === 'True');
    expect(lives(await cluster().allReady('web', 3))).toEqual(before);
  });

  it('what is removed, renamed or killed by hand is healed', async () => {
    await cluster().deploy('web', 5);
    const pods = await cluster().allReady('web', 5);
    const idOf = (index: number): string => (containerOf(pods[index] as (typeof pods)[number])?.containerID ?? '').replace(/^.*:\/\//, '');
    const sandboxOf = async (index: number): Promise<string> => (await cluster().containers()).find(({ Id, Labels }) => Id !== idOf(index) && Object.values(Labels).includes(pods[index]?.metadata.uid ?? ''))?.Id ?? '';
    const [sandbox, otherSandbox] = [await sandboxOf(3), await sandboxOf(4)];
    await cluster().byHand('POST', `/containers/${idOf(0)}/kill?signal=KILL`);
    await cluster().byHand('DELETE', `/containers/${idOf(1)}?force=1`);
    await cluster().byHand('POST', `/containers/${idOf(2)}/rename?name=by-hand`);
    await cluster().byHand('POST', `/containers/${sandbox}/kill?signal=KILL`);
    await cluster().byHand('DELETE', `/containers/${otherSandbox}?force=1`);
    await cluster().until('each pod runs in a new container, but for the one that was renamed', async () => {
      const now = await cluster().of('web');
      return pods.every((pod, index) => {
        const status = containerOf(now.find(({ metadata }) => metadata.uid === pod.metadata.uid) ?? pod);
        return status?.ready === true && (status.containerID === containerOf(pod)?.containerID) === (index === 2);
      });
    });
    const running = (await cluster().containers()).filter(({ State }) => State === 'running');
    expect(running).toHaveLength(5 * EACH);
    expect(containerOf((await cluster().of('web')).find(({ metadata }) => metadata.uid === pods[0]?.metadata.uid) as (typeof pods)[number])?.restartCount).toBe(1);
    expect(running.some(({ Id, Names }) => Id === idOf(2) && Names.includes('/by-hand'))).toBe(true);
  });

  it('32 pods at once all start, each once', async () => {
    await cluster().deploy('web', 32);
    const pods = await cluster().allReady('web', 32);
    expect(pods.map((pod) => containerOf(pod)?.restartCount)).toEqual(Array(32).fill(0));
    expect(await cluster().containers()).toHaveLength(32 * EACH);
  });
});

describe.skipIf(missing)(`pods on an engine that takes containers with it${note}`, () => {
  const cluster = onEngine({ liveRestore: false });

  it('kill -9 of the engine: all come back, restarted once, one container each', async () => {
    await cluster().deploy('web', PODS);
    const before = await cluster().allReady('web', PODS);
    const watch = cluster().watchRunning('web');
    await cluster().engine.kill('SIGKILL');
    await cluster().engine.start();
    await cluster().until('all were started again', async () => (await cluster().of('web')).every((pod) => containerOf(pod)?.restartCount === 1 && containerOf(pod)?.ready === true));
    const after = await cluster().of('web');
    expect(after.map(({ metadata }) => metadata.uid).sort()).toEqual(before.map(({ metadata }) => metadata.uid).sort());
    expect(watch.most()).toBe(PODS);
    await watch.stop();
    expect((await cluster().containers()).filter(({ State }) => State === 'running')).toHaveLength(PODS * EACH);
  });
});

describe.skipIf(missing)(`pods on an engine whose disk is full${note}`, () => {
  const cluster = onEngine({ diskBytes: 64 * 1024 * 1024 });

  it('say why they wait, leave nothing behind, and start when there is space', async () => {
    const filler = join(cluster().engine.dataRoot, 'filler');
    const { bavail, bsize } = statfsSync(cluster().engine.dataRoot);
    writeFileSync(filler, Buffer.alloc(bavail * bsize));
    expect(statfsSync(cluster().engine.dataRoot).bavail).toBe(0);
    await cluster().deploy('web', 3);
    await cluster().until('each pod says why it waits', async () => {
      const pods = await cluster().of('web');
      return pods.length === 3 && pods.every((pod) => /no space left/.test(containerOf(pod)?.state?.waiting?.message ?? ''));
    });
    const events = (await cluster().orchestrator.client.kind(Event).list({ namespace: 'default' })).items;
    expect(events.some(({ type, message }) => type === 'Warning' && /no space left/.test(message ?? ''))).toBe(true);
    rmSync(filler);
    const pods = await cluster().allReady('web', 3);
    expect(pods.map((pod) => containerOf(pod)?.restartCount)).toEqual([0, 0, 0]);
    expect((await cluster().containers()).map(({ State }) => State)).toEqual(Array(3 * EACH).fill('running'));
  });
});
