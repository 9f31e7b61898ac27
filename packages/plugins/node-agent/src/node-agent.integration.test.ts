import { ConfigMap, Event, Secret } from '@orrery/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { condition, containerOf, forever, initShell, shell, TestCluster } from './test/cluster.js';

describe('a node agent on processes', () => {
  const cluster = new TestCluster();
  beforeAll(async () => void (await cluster.start()));
  afterAll(() => cluster.dispose());

  it('runs a pod, and ends it when it is deleted', async () => {
    await cluster.run('plain', { containers: [shell(forever)] });
    const pod = await cluster.ready('plain');
    expect(pod.status).toMatchObject({ phase: 'Running', qosClass: 'BestEffort', hostIP: '127.0.0.1' });
    expect(pod.status?.podIP).toMatch(/^127\./);
    expect(pod.status?.conditions?.map(({ type, status }) => [type, status])).toEqual(expect.arrayContaining([['Initialized', 'True'], ['Ready', 'True'], ['ContainersReady', 'True'], ['PodScheduled', 'True'], ['PodReadyToStartContainers', 'True']]));
    await cluster.pods.delete({ namespace: 'default', name: 'plain' });
    await cluster.gone('plain');
    const sandboxes = await cluster.runtime.listSandboxes(new AbortController().signal);
    expect(sandboxes.filter((sandbox) => sandbox.pod.uid === pod.metadata.uid)).toEqual([]);
  });

  it('tells how a pod ended that is not to be restarted', async () => {
    await cluster.run('good', { restartPolicy: 'Never', containers: [shell('exit 0'), shell('sleep 0.1', { name: 'other' })] });
    await cluster.run('bad', { restartPolicy: 'Never', containers: [shell('exit 3'), shell('exit 0', { name: 'other' })] });
    const good = await cluster.phase('good', 'Succeeded');
    expect(condition(good, 'Ready')).toBe('False');
    expect(good.status?.conditions?.find(({ type }) => type === 'Ready')?.reason).toBe('PodCompleted');
    expect(containerOf(good)?.state?.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
    const bad = await cluster.phase('bad', 'Failed');
    expect(containerOf(bad)?.state?.terminated).toMatchObject({ exitCode: 3, reason: 'Error' });
    expect(containerOf(bad)?.restartCount).toBe(0);
  });

  it('restarts what failed, and shows the crash loop', async () => {
    const { metadata } = await cluster.run('crash', { restartPolicy: 'OnFailure', containers: [shell('exit 7'), shell('exit 0', { name: 'done' })] });
    const pod = await cluster.until('crash', (p) => containerOf(p)?.state?.waiting?.reason === 'CrashLoopBackOff');
    expect(containerOf(pod)).toMatchObject({
      restartCount: 1, ready: false,
      state: { waiting: { message: `back-off 10s restarting failed container=main pod=crash_default(${metadata.uid})` } },
      lastState: { terminated: { exitCode: 7, reason: 'Error' } },
    });
    expect(containerOf(pod, 'done')).toMatchObject({ restartCount: 0, state: { terminated: { exitCode: 0, reason: 'Completed' } } });
    expect(pod.status?.phase).toBe('Running');
    await cluster.pods.delete({ namespace: 'default', name: 'crash' });
    await cluster.gone('crash');
  });

  it('restarts a container that is killed from outside', async () => {
    // `$$` is one dollar in a command.
    await cluster.run('killed', { containers: [shell('echo $$$$; exec sleep 1000')] });
    const running = await cluster.ready('killed');
    await expect.poll(() => cluster.output(running)).toHaveLength(1);
    const lines = await cluster.output(running);
    expect(lines).toEqual([expect.stringMatching(/^\d+$/)]);
    process.kill(Number(lines[0]), 'SIGKILL');
    const pod = await cluster.until('killed', (p) => containerOf(p)?.restartCount === 1 && condition(p, 'Ready') === 'True');
    expect(containerOf(pod)?.lastState?.terminated).toMatchObject({ exitCode: 137, signal: 9 });
  });

  it('runs init containers one after the other', async () => {
    const say = (what: string) => `echo ${what} >> "$ORRERY_ROOTFS/data/log"`;
    const volumeMounts = [{ name: 'data', mountPath: '/data' }];
    await cluster.run('init', {
      volumes: [{ name: 'data', emptyDir: {} }],
      initContainers: [initShell('first', `sleep 0.2; ${say('first')}`, { volumeMounts }), initShell('second', say('second'), { volumeMounts })],
      containers: [shell(`${say('main')}; cat "$ORRERY_ROOTFS/data/log"; exec sleep 1000`, { volumeMounts })],
    });
    const early = await cluster.until('init', (p) => containerOf(p)?.state?.waiting !== undefined);
    expect(containerOf(early)?.state?.waiting?.reason).toBe('PodInitializing');
    expect(early.status?.conditions?.find(({ type }) => type === 'Initialized')).toMatchObject({ status: 'False', reason: 'ContainersNotInitialized' });
    const pod = await cluster.ready('init');
    expect(pod.status?.initContainerStatuses?.map(({ state }) => state?.terminated?.reason)).toEqual(['Completed', 'Completed']);
    await expect.poll(() => cluster.output(pod)).toEqual(['first', 'second', 'main']);
  });

  it('fails a pod with a failed init container, or tries it again, as the restart policy says', async () => {
    await cluster.run('init-never', { restartPolicy: 'Never', initContainers: [initShell('init', 'exit 4')], containers: [shell(forever)] });
    await cluster.run('init-always', { restartPolicy: 'Always', initContainers: [initShell('init', 'exit 4')], containers: [shell(forever)] });
    const never = await cluster.phase('init-never', 'Failed');
    expect(containerOf(never)?.state?.waiting?.reason).toBe('PodInitializing');
    expect(containerOf(never, 'init')?.state?.terminated?.exitCode).toBe(4);
    const always = await cluster.until('init-always', (p) => containerOf(p, 'init')?.state?.waiting?.reason === 'CrashLoopBackOff');
    expect(always.status?.phase).toBe('Pending');
    expect(containerOf(always, 'init')?.restartCount).toBe(1);
    await cluster.pods.delete({ namespace: 'default', name: 'init-always' });
    await cluster.gone('init-always');
  });

  it('keeps a sidecar beside the others, and ends it after them', async () => {
    const script = 'trap "echo bye; exit 0" TERM; echo up; while :; do sleep 0.05; done 2>/dev/null';
    await cluster.run('sidecar', { restartPolicy: 'Never', initContainers: [initShell('side', script, { restartPolicy: 'Always' })], containers: [shell('sleep 0.3')] });
    const pod = await cluster.phase('sidecar', 'Succeeded');
    expect(containerOf(pod, 'side')?.state?.terminated?.exitCode).toBe(0);
    expect((await cluster.output(pod, 'side')).filter((line) => line !== 'Terminated')).toEqual(['up', 'bye']);
  });

  it('waits for a missing ConfigMap, and says so without any value', async () => {
    const env = [{ name: 'COLOUR', valueFrom: { configMapKeyRef: { name: 'late', key: 'colour' } } }];
    await cluster.run('waiting', { containers: [shell('echo $COLOUR; exec sleep 1000', { env })] });
    const pod = await cluster.until('waiting', (p) => containerOf(p)?.state?.waiting?.reason === 'CreateContainerConfigError');
    expect(containerOf(pod)?.state?.waiting?.message).toBe('configmap "late" not found');
    await cluster.create(ConfigMap, { metadata: { name: 'late', namespace: 'default' }, data: { colour: 'blue' } });
    await expect.poll(async () => cluster.output(await cluster.ready('waiting'))).toEqual(['blue']);
    expect(containerOf(await cluster.get('waiting'))?.restartCount).toBe(0);
  });

  it('gives environment and volumes to the process', async () => {
    await cluster.create(ConfigMap, { metadata: { name: 'conf', namespace: 'default' }, data: { 'a.txt': 'text', key: 'one' } });
    await cluster.create(Secret, { metadata: { name: 'hush', namespace: 'default' }, data: { password: Buffer.from('s3cret').toString('base64') } });
    const script = [
      'echo "$NAME $IP $NODE $CPU $KEY $PASSWORD $BOTH $P_key"',
      'cat $ORRERY_ROOTFS/conf/a.txt; echo',
      'cat $ORRERY_ROOTFS/secret/sub/pw; echo',
      'stat -L -c %a $ORRERY_ROOTFS/secret/sub/pw',
      'cat $ORRERY_ROOTFS/info/labels; echo',
      'ls $ORRERY_ROOTFS/only; echo end; exec sleep 1000',
    ].join('\n');
    await cluster.run('full', {
      volumes: [
        { name: 'conf', configMap: { name: 'conf' } },
        { name: 'secret', secret: { secretName: 'hush', items: [{ key: 'password', path: 'sub/pw', mode: 0o400 }] } },
        { name: 'info', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
        { name: 'scratch', emptyDir: {} },
      ] as never,
      containers: [shell(script, {
        resources: { requests: { cpu: '250m' }, limits: { cpu: '1500m' } },
        envFrom: [{ prefix: 'P_', configMapRef: { name: 'conf' } }],
        env: [
          { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
          { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
          { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
          { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } } },
          { name: 'KEY', valueFrom: { configMapKeyRef: { name: 'conf', key: 'key' } } },
          { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'hush', key: 'password' } } },
          { name: 'BOTH', value: '$(NAME)-$(KEY)-$(NONE)-$$(KEY)' },
        ],
        volumeMounts: [
          { name: 'conf', mountPath: '/conf' }, { name: 'secret', mountPath: '/secret' }, { name: 'info', mountPath: '/info' }, { name: 'scratch', mountPath: '/only', subPath: 'deep/er' },
        ],
      })],
    }, { labels: { app: 'full' } });
    const pod = await cluster.ready('full');
    await expect.poll(async () => (await cluster.output(pod)).at(-1)).toBe('end');
    expect(await cluster.output(pod)).toEqual([
      `full ${pod.status?.podIP} node 1500 one s3cret full-one-$(NONE)-$(KEY) one`, 'text', 's3cret', '400', 'app="full"', 'end',
    ]);
    await cluster.pods.delete({ namespace: 'default', name: 'full' });
    await cluster.gone('full');
    const events = await cluster.orchestrator.client.kind(Event).list({ namespace: 'default' });
    expect(JSON.stringify(events)).not.toContain('s3cret');
  });

  it('shows a program that does not exist', async () => {
    await cluster.run('missing', { restartPolicy: 'Never', containers: [{ name: 'main', image: 'none', command: ['/no/such/program'] }] as never });
    const pod = await cluster.phase('missing', 'Failed');
    expect(containerOf(pod)?.state?.terminated).toMatchObject({ reason: 'StartError', exitCode: 128 });
    expect(containerOf(pod)?.state?.terminated?.message).toContain('/no/such/program');
  });

  it('ends a pod that has run too long', async () => {
    await cluster.run('late', { restartPolicy: 'Never', activeDeadlineSeconds: 1, containers: [shell(forever)] });
    const pod = await cluster.phase('late', 'Failed');
    expect(pod.status).toMatchObject({ reason: 'DeadlineExceeded', message: 'Pod was active on the node longer than the specified deadline' });
    expect(containerOf(pod)?.state?.terminated?.exitCode).toBe(143);
  });

  it('runs fifty pods at once', async () => {
    const names = Array.from({ length: 50 }, (_, index) => `many-${index}`);
    await Promise.all(names.map((name) => cluster.run(name, { containers: [shell(forever)] })));
    const ips = await Promise.all(names.map(async (name) => (await cluster.ready(name)).status?.podIP));
    expect(new Set(ips).size).toBe(50);
    await Promise.all(names.map((name) => cluster.pods.delete({ namespace: 'default', name })));
    await Promise.all(names.map((name) => cluster.gone(name)));
  });
});
