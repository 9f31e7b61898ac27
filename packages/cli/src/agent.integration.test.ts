import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiClient, builtinKinds, type Client, KindRegistry, PersistentVolume, PersistentVolumeClaim, Pod, Secret, systemClock } from '@orrery/core';
import { findConnection, HttpTransport } from '@orrery/http-client';
import { type Run, Runs } from './test/runs.js';
import { SpreadPods, spreadDeployment, uidsOf, uidsRunning } from './test/spread-pods.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// A control plane and two agents, each a process of its own, as they are installed.

const folder = mkdtempSync(join(tmpdir(), 'orrery-agents-'));
const config = join(folder, 'plane', 'kubeconfig');

const runs = new Runs(folder);
/** How to join, by a token that was made for both. */
let joinBy: string[] = [];
const agent = async (name: string): Promise<Run> => {
  const run = runs.orrery(['agent', ...joinBy, '--port', '0', '--name', name, '--label', `slot=${name}`, '--data', join(folder, name), '--renew', '0.5', '--proxy', 'none', '--on-exit', 'remove', '--log', 'error']);
  await run.said(/is the node/);
  return run;
};

let client: Client;
let pods: SpreadPods;
let line: HttpTransport;
const all = new Map<string, Run>();
beforeAll(async () => {
  Runs.check();
  await runs.orrery(['up', '--nodes', '0', '--store', 'memory', '--data', join(folder, 'plane'), '--listen', '127.0.0.1:0', '--node-grace', '2.5', '--log', 'error']).said(/kubectl get nodes/);
  line = new HttpTransport({ connection: await findConnection({ kubeconfig: config, clock: systemClock }), clock: systemClock });
  client = new ApiClient({ transport: line, kinds: new KindRegistry(builtinKinds), user: { name: 'me', groups: [] } });
  pods = new SpreadPods(client);
  joinBy = await runs.joining(config);
  for (const name of ['one', 'two']) all.set(name, await agent(name));
});
afterAll(async () => {
  await runs.stop();
  line?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The uids of the pods whose containers run on this machine. */
const running = (): string[] => uidsRunning((commandLine) => commandLine.startsWith('sleep\0'));

describe('orrery up --nodes 0 and two orrery agents', () => {
  it('pods run on both; those of an agent that stands still are replaced once; when it goes on no duplicate is left', async () => {
    const seen = new Set<string>();
    const stop = new AbortController();
    const following = (async () => {
      for await (const { type, object } of client.kind(Pod).watch({ namespace: 'default' }, stop.signal)) if (type === 'ADDED') seen.add(object.metadata.uid ?? '');
    })();
    await client.apply(spreadDeployment({ command: ['sleep', '1000'] }));
    await expect.poll(async () => (await pods.running('one', 'two')).length, { timeout: 20_000 }).toBe(4);
    const before = await pods.live();
    expect(new Set(before.map(({ spec }) => spec.nodeName))).toEqual(new Set(['one', 'two']));
    await expect.poll(() => running().sort()).toEqual(uidsOf(before));
    const [stay, lost] = [await pods.running('one'), await pods.running('two')];

    const two = all.get('two') as Run;
    two.child.kill('SIGSTOP');
    await expect.poll(async () => (await pods.running('one')).length, { timeout: 20_000 }).toBe(4);
    expect(await pods.readiness('two')).toBe('Unknown');
    const after = await pods.live();
    expect(uidsOf(after)).toEqual(expect.arrayContaining(uidsOf(stay)));
    // Its containers run on, as nobody is there to end them.
    expect(running()).toEqual(expect.arrayContaining(uidsOf(lost)));

    two.child.kill('SIGCONT');
    await expect.poll(() => pods.readiness('two'), { timeout: 20_000 }).toBe('True');
    await expect.poll(() => running().sort(), { timeout: 20_000 }).toEqual(uidsOf(after));
    await expect.poll(async () => uidsOf((await client.kind(Pod).list({ namespace: 'default' })).items), { timeout: 20_000 }).toEqual(uidsOf(after));
    expect(seen.size).toBe(4 + lost.length);
    stop.abort();
    await following;
  }, 60_000);

  it('an agent that was killed and comes back ends what others run in the meantime', async () => {
    const one = all.get('one') as Run;
    const former = await pods.running('one');
    one.child.kill('SIGKILL');
    await one.ended;
    await expect.poll(async () => (await pods.running('two')).length, { timeout: 20_000 }).toBe(4);
    expect(running()).toEqual(expect.arrayContaining(uidsOf(former)));
    all.set('one', await agent('one'));
    await expect.poll(() => pods.readiness('one'), { timeout: 20_000 }).toBe('True');
    await expect.poll(async () => running().sort().join() === uidsOf(await pods.running('two')).join(), { timeout: 20_000 }).toBe(true);
    expect(await pods.live()).toHaveLength(4);
  }, 60_000);

  it('the folder of a volume goes with its claim', async () => {
    const claims = client.kind(PersistentVolumeClaim);
    await claims.create({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'data', namespace: 'default' }, spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'local-path', resources: { requests: { storage: '1Mi' } } } } as PersistentVolumeClaim);
    const container = { name: 'main', image: 'none', command: ['true'], volumeMounts: [{ name: 'v', mountPath: '/data' }] };
    await client.kind(Pod).create({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'writer', namespace: 'default' }, spec: { restartPolicy: 'Never', nodeSelector: { slot: 'two' }, containers: [container], volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] } } as Pod);
    await expect.poll(async () => (await client.kind(Pod).get({ namespace: 'default', name: 'writer' })).status?.phase, { timeout: 20_000 }).toBe('Succeeded');
    const name = (await claims.get({ namespace: 'default', name: 'data' })).spec.volumeName ?? '';
    const place = (await client.kind(PersistentVolume).get({ name })).spec.local?.path ?? '';
    expect(statSync(place).isDirectory()).toBe(true);
    await client.kind(Pod).delete({ namespace: 'default', name: 'writer' });
    await claims.delete({ namespace: 'default', name: 'data' });
    await expect.poll(() => client.kind(PersistentVolume).find({ name }), { timeout: 20_000 }).toBeUndefined();
    expect(statSync(place, { throwIfNoEntry: false })).toBeUndefined();
  }, 60_000);
});

describe('a machine that nobody knows yet', () => {
  const joining = (...args: string[]): Run => runs.orrery(['agent', ...args, '--port', '0', '--name', 'three', '--data', join(folder, 'three'), '--renew', '0.5', '--proxy', 'none', '--on-exit', 'remove', '--log', 'error']);

  it('joins by a token and the hash of the authority, gets a certificate of its own, and needs neither again', async () => {
    const [, server = '', , token = '', , hash = ''] = await runs.joining(config);
    const other = joining('--join', server, '--token', token, '--ca-hash', `sha256:${'0'.repeat(64)}`);
    await other.ended;
    expect([other.child.exitCode, other.out]).toEqual([2, expect.stringContaining('shows no authority with this hash')]);
    const unknown = joining('--join', server, '--token', 'abcdef.0123456789abcdef', '--ca-hash', hash);
    await unknown.ended;
    expect([unknown.child.exitCode, unknown.out]).toEqual([2, expect.stringContaining('does not know this bootstrap token')]);

    const three = joining('--join', server, '--token', token, '--ca-hash', hash);
    await three.said(/is the node three/);
    await expect.poll(() => pods.readiness('three'), { timeout: 20_000 }).toBe('True');
    const own = join(folder, 'three', 'kubeconfig');
    expect(statSync(own).mode & 0o777).toBe(0o600);
    await using asNode = new HttpTransport({ connection: await findConnection({ kubeconfig: own, clock: systemClock }), clock: systemClock });
    // It is this node and nothing more.
    await expect(asNode.request({ verb: 'list', user: { name: '', groups: [] }, ref: { group: '', version: 'v1', resource: 'secrets', namespace: 'default' } })).rejects.toMatchObject({ reason: 'Forbidden' });
    const pod = await client.kind(Pod).create({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'placed' }, spec: { nodeName: 'three', terminationGracePeriodSeconds: 0, containers: [{ name: 'main', image: 'none', command: ['sleep', '1000'] }] } } as Pod);
    await expect.poll(async () => (await client.kind(Pod).get({ name: pod.metadata.name ?? '' })).status?.phase, { timeout: 20_000 }).toBe('Running');
    await client.kind(Pod).delete({ name: 'placed' });
    await expect.poll(async () => client.kind(Pod).find({ name: 'placed' }), { timeout: 20_000 }).toBeUndefined();

    await three.stop();
    await client.kind(Secret).delete({ namespace: 'kube-system', name: `bootstrap-token-${token.split('.')[0]}` });
    await joining('--join', server, '--token', token, '--ca-hash', hash).said(/is the node three/);
  }, 60_000);
});

describe('orrery agent', () => {
  it('says what is wrong with its credentials, and ends', async () => {
    const wrong = runs.orrery(['agent', '--kubeconfig', join(folder, 'not-there'), '--name', 'three', '--data', join(folder, 'three')]);
    expect(await wrong.ended).toBe(2);
    expect(wrong.out).toContain('not-there cannot be used');
  });
});
