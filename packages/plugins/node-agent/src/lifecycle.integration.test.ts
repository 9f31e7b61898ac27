import { readFileSync } from 'node:fs';
import { Event, type Pod } from '@orrery/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { condition, containerOf, forever, never, shell, TestCluster } from './test/cluster.js';

const server = (port: number, code = 200): string[] => [
  process.execPath, '-e', `require('http').createServer((q, r) => { r.statusCode = ${code}; r.end(); }).listen(${port}, process.env.IP)`,
];
const IP = { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } };
const stubborn = 'trap "" TERM; echo up; while :; do sleep 0.1; done';

describe('probes and ends on processes', () => {
  const cluster = new TestCluster({ capacity: { cpu: '2', memory: '4Gi', pods: '30' } });
  beforeAll(async () => void (await cluster.start()));
  afterAll(() => cluster.dispose());
  const remove = (name: string, gracePeriodSeconds?: number) => cluster.pods.delete({ namespace: 'default', name }, gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds });
  const reasonsOf = async (name: string): Promise<string[]> =>
    (await cluster.orchestrator.client.kind(Event).list({ namespace: 'default' })).items.filter(({ involvedObject }) => involvedObject.name === name).map(({ reason = '' }) => reason);

  it('is ready when http, tcp and exec probes say so', async () => {
    const probes: Record<string, object> = { http: { httpGet: { port: 'web', path: '/' } }, tcp: { tcpSocket: { port: 8080 } }, exec: { exec: { command: ['sh', '-c', 'test -n "$IP"'] } } };
    for (const [name, probe] of Object.entries(probes)) {
      const container = { ...shell(''), command: server(8080), env: [IP], ports: [{ name: 'web', containerPort: 8080 }], readinessProbe: { ...probe, periodSeconds: 1 } };
      await cluster.run(`ready-${name}`, { containers: [container] as never });
    }
    await cluster.run('ready-not', { containers: [{ ...shell(''), command: server(8080, 503), env: [IP], readinessProbe: { httpGet: { port: 8080 }, periodSeconds: 1 } }] as never });
    for (const name of Object.keys(probes)) await cluster.ready(`ready-${name}`);
    await expect.poll(() => reasonsOf('ready-not')).toContain('Unhealthy');
    const not = await cluster.get('ready-not');
    expect(containerOf(not)).toMatchObject({ ready: false, started: true });
    expect(not.status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'False', reason: 'ContainersNotReady', message: 'containers with unready status: [main]' });
  });

  it('makes a container anew when its image changes, also in a pod that restarts nothing', async () => {
    await cluster.run('changed', { restartPolicy: 'Never', terminationGracePeriodSeconds: 1, containers: [shell(forever, { image: 'app:1' })] });
    await cluster.phase('changed', 'Running');
    await cluster.pods.patch({ namespace: 'default', name: 'changed' }, 'strategic', { spec: { containers: [{ name: 'main', image: 'app:2' }] } });
    const pod = await cluster.until('changed', (p) => containerOf(p)?.image === 'app:2' && containerOf(p)?.state?.running !== undefined);
    expect(pod.status?.phase).toBe('Running');
    expect(containerOf(pod)).toMatchObject({ restartCount: 1, lastState: { terminated: { exitCode: 143 } } });
    await remove('changed', 0);
  });

  it('restarts what fails its liveness probe, within the grace that the probe names', async () => {
    const livenessProbe = { exec: { command: ['false'] }, periodSeconds: 1, failureThreshold: 2, terminationGracePeriodSeconds: 1 };
    await cluster.run('unwell', { terminationGracePeriodSeconds: 600, containers: [shell(stubborn, { livenessProbe } as never)] });
    const pod = await cluster.until('unwell', (p) => (containerOf(p)?.restartCount ?? 0) === 1);
    expect(containerOf(pod)?.lastState?.terminated).toMatchObject({ exitCode: 137, reason: 'Error' });
    await remove('unwell', 0);
  });

  it('a probe that does not answer in time has failed', async () => {
    const readinessProbe = { exec: { command: ['sleep', '100'] }, periodSeconds: 1, timeoutSeconds: 1 };
    await cluster.run('slow', { containers: [shell(forever, { readinessProbe } as never)] });
    await expect.poll(() => reasonsOf('slow'), { timeout: 10_000 }).toContain('Unhealthy');
    expect(condition(await cluster.get('slow'), 'Ready')).toBe('False');
    await remove('slow', 0);
  });

  it('a startup probe holds the other probes back', async () => {
    const startupProbe = { exec: { command: ['sh', '-c', 'test -e "$ORRERY_ROOTFS/data/up"'] }, periodSeconds: 1, failureThreshold: 30 };
    const livenessProbe = { exec: { command: ['sh', '-c', 'test -e "$ORRERY_ROOTFS/data/up"'] }, periodSeconds: 1, failureThreshold: 1 };
    const script = 'sleep 2.5; : > "$ORRERY_ROOTFS/data/up"; exec sleep 1000';
    const volumeMounts = [{ name: 'data', mountPath: '/data' }];
    await cluster.run('slow-start', { volumes: [{ name: 'data', emptyDir: {} }], containers: [shell(script, { startupProbe, livenessProbe, readinessProbe: livenessProbe, volumeMounts } as never)] });
    const early = await cluster.phase('slow-start', 'Running');
    expect(containerOf(early)).toMatchObject({ started: false, ready: false });
    expect(containerOf(await cluster.ready('slow-start'))).toMatchObject({ started: true, restartCount: 0 });
  });

  it('runs preStop before the signal, and kills at the deadline', async () => {
    const file = `${cluster.folder}/pre-stop`;
    const lifecycle = { preStop: { exec: { command: ['sh', '-c', `echo hook >> ${file}; sleep 0.2`] } } };
    await cluster.run('graceful', { containers: [shell(`trap "echo term >> ${file}; exit 0" TERM; while :; do sleep 0.05; done`, { lifecycle } as never)] });
    await cluster.ready('graceful');
    await remove('graceful');
    await cluster.gone('graceful');
    expect(readFileSync(file, 'utf8').trim().split('\n')).toEqual(['hook', 'term']);
    await cluster.run('stubborn', { terminationGracePeriodSeconds: 1, containers: [shell(stubborn)] });
    await expect.poll(async () => cluster.output(await cluster.ready('stubborn'))).toEqual(['up']);
    await remove('stubborn');
    expect(await cluster.gone('stubborn')).toBeGreaterThan(800);
  });

  it('a second deletion shortens the grace; one without grace forgets the pod at once and still ends its processes', async () => {
    await cluster.run('hurried', { terminationGracePeriodSeconds: 600, containers: [shell(stubborn)] });
    await expect.poll(async () => cluster.output(await cluster.ready('hurried'))).toEqual(['up']);
    await remove('hurried');
    await cluster.until('hurried', (pod) => pod.metadata.deletionTimestamp !== undefined);
    await remove('hurried', 1);
    expect(await cluster.gone('hurried')).toBeLessThan(10_000);
    await cluster.run('forced', { terminationGracePeriodSeconds: 600, containers: [shell(stubborn)] });
    const { metadata } = await cluster.ready('forced');
    await remove('forced', 0);
    await cluster.gone('forced', 1_000);
    await expect.poll(async () => (await cluster.runtime.listSandboxes(never)).some(({ pod }) => pod.uid === metadata.uid), { timeout: 10_000 }).toBe(false);
  });

  it('a pod that is deleted while it starts leaves nothing', async () => {
    const lifecycle = { postStart: { exec: { command: ['sleep', '100'] } } };
    const { metadata } = await cluster.run('brief', { containers: [shell(forever, { lifecycle } as never)] });
    await expect.poll(async () => (await cluster.runtime.listContainers(never)).some(({ pod, state }) => pod.uid === metadata.uid && state === 'running')).toBe(true);
    await remove('brief');
    expect(await cluster.gone('brief')).toBeLessThan(10_000);
    expect((await cluster.runtime.listContainers(never)).filter(({ pod }) => pod.uid === metadata.uid)).toEqual([]);
  });

  it('ends a container whose postStart hook fails, and starts it again', async () => {
    const lifecycle = { postStart: { exec: { command: ['false'] } } };
    await cluster.run('hooked', { containers: [shell(forever, { lifecycle } as never)] });
    await cluster.until('hooked', (pod) => (containerOf(pod)?.restartCount ?? 0) >= 1);
    expect(await reasonsOf('hooked')).toContain('FailedPostStartHook');
    await remove('hooked', 0);
  });

  it('starts again what ran in a sandbox that was lost, and counts on', async () => {
    await cluster.run('lost', { containers: [shell(forever)] });
    await cluster.run('lost-never', { restartPolicy: 'Never', containers: [shell(forever)] });
    const pods: Pod[] = [await cluster.ready('lost'), await cluster.ready('lost-never')];
    for (const sandbox of await cluster.runtime.listSandboxes(never)) {
      if (pods.some(({ metadata }) => metadata.uid === sandbox.pod.uid)) await cluster.runtime.removeSandbox(sandbox.id, never);
    }
    const lost = await cluster.until('lost', (pod) => containerOf(pod)?.restartCount === 1 && condition(pod, 'Ready') === 'True', 'restarted', 60_000);
    expect(containerOf(lost)?.lastState?.terminated?.exitCode).toBe(137);
    const over = await cluster.phase('lost-never', 'Failed');
    expect(containerOf(over)).toMatchObject({ restartCount: 0, state: { terminated: { exitCode: 137 } } });
  });

  it('refuses a pod that was bound here without room for it', async () => {
    await cluster.run('room', { containers: [shell(forever, { resources: { requests: { cpu: '1500m' } } })] });
    await cluster.ready('room');
    await cluster.run('no-room', { containers: [shell(forever, { resources: { requests: { cpu: '1' } } })] });
    const pod = await cluster.phase('no-room', 'Failed');
    expect(pod.status).toMatchObject({ reason: 'OutOfcpu', message: "Pod was rejected: Node didn't have enough resource: cpu, requested: 1000, used: 1500, capacity: 2000" });
    expect((await cluster.runtime.listSandboxes(never)).some(({ pod: { uid } }) => uid === pod.metadata.uid)).toBe(false);
    await remove('no-room');
    await cluster.gone('no-room');
    await remove('room');
    await cluster.gone('room');
    await cluster.run('room-now', { containers: [shell(forever, { resources: { requests: { cpu: '1' } } })] });
    await cluster.ready('room-now');
  });
});
