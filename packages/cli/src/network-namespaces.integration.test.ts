import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiClient, builtinKinds, type Client, KindRegistry, Pod, systemClock } from '@orrery/core';
import { Kubectl, requireKubectl, requireParts } from '@orrery/engines';
import { findConnection, HttpTransport } from '@orrery/http-client';
import { Runs } from './test/runs.js';
import { POD_UID, SpreadPods, spreadDeployment, uidsOf, uidsRunning } from './test/spread-pods.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// A control plane, and two agents each in a network of its own, joined by a bridge: as on three machines. One of them is cut off.

const parts = requireParts('root', 'ip');
const tools = requireKubectl();
const missing = parts.missing || tools.missing;
const folder = mkdtempSync(join(tmpdir(), 'orrery-networks-'));
const config = join(folder, 'plane', 'kubeconfig');
const id = `orr${(process.pid % 100_000).toString(36)}`;
const subnet = `10.213.${process.pid % 256}`;
const NODES = { one: { address: `${subnet}.11`, link: `${id}a` }, two: { address: `${subnet}.12`, link: `${id}b` } } as const;
type NodeName = keyof typeof NODES;
const names = Object.keys(NODES) as NodeName[];

const ip = (...args: string[]): string => execFileSync('ip', args, { encoding: 'utf8', stdio: 'pipe' });
const namespaceOf = (name: NodeName): string => `${id}-${name}`;
const setLink = (name: NodeName, state: 'up' | 'down'): string => ip('link', 'set', NODES[name].link, state);

function makeNetworks(): void {
  ip('link', 'add', id, 'type', 'bridge');
  ip('addr', 'add', `${subnet}.1/24`, 'dev', id);
  ip('link', 'set', id, 'up');
  for (const name of names) {
    const { address, link } = NODES[name];
    const inside = ['-n', namespaceOf(name)];
    ip('netns', 'add', namespaceOf(name));
    ip('link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespaceOf(name));
    ip('link', 'set', link, 'master', id, 'up');
    ip(...inside, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
    ip(...inside, 'link', 'set', 'lo', 'up');
    ip(...inside, 'link', 'set', 'eth0', 'up');
    ip(...inside, 'route', 'add', 'default', 'via', `${subnet}.1`);
  }
}

/** Whatever of it is there. */
function removeNetworks(): void {
  const has = (list: string, name: string): boolean => list.split(/[\s:@]+/).includes(name);
  for (const name of names) if (has(ip('netns', 'list'), namespaceOf(name))) ip('netns', 'delete', namespaceOf(name));
  for (const link of [...names.map((name) => NODES[name].link), id]) if (has(ip('-o', 'link', 'show'), link)) ip('link', 'delete', link);
}

const runs = new Runs(folder);
let line: HttpTransport | undefined;
let client: Client;
let pods: SpreadPods;
let k: Kubectl;
beforeAll(async () => {
  if (missing) return;
  Runs.check();
  makeNetworks();
  await runs.orrery(['up', '--nodes', '0', '--store', 'memory', '--data', join(folder, 'plane'), '--listen', `${subnet}.1:0`, '--node-grace', '2.5', '--log', 'error']).said(/kubectl get nodes/);
  const joining = await runs.joining(config);
  const agents = names.map((name) =>
    runs.orrery(['agent', ...joining, '--name', name, '--label', `slot=${name}`, '--host-ip', NODES[name].address, '--data', join(folder, name), '--renew', '0.5', '--proxy', 'none', '--on-exit', 'remove', '--log', 'error'], ['ip', 'netns', 'exec', namespaceOf(name)]),
  );
  await Promise.all(agents.map((agent) => agent.said(/is the node/)));
  line = new HttpTransport({ connection: await findConnection({ kubeconfig: config, clock: systemClock }), clock: systemClock });
  client = new ApiClient({ transport: line, kinds: new KindRegistry(builtinKinds), user: { name: 'me', groups: [] } });
  pods = new SpreadPods(client);
  k = new Kubectl(tools.program, join(folder, 'home'), config);
});
afterAll(async () => {
  await runs.stop();
  line?.close();
  if (!missing) removeNetworks();
  rmSync(folder, { recursive: true, force: true });
});

/** The uids of the pods whose containers run on this machine. */
const running = (): string[] => uidsRunning((commandLine) => commandLine.includes(join(folder, 'server.mjs')));

const SERVER = `import { createServer } from 'node:http';
createServer((request, response) => response.end('here is ' + process.env.${POD_UID})).listen(8080, process.env.POD_IP, () => console.log('I am ' + process.env.${POD_UID}));`;
const deployment = spreadDeployment({ command: [process.execPath, join(folder, 'server.mjs')], env: [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }], ports: [{ containerPort: 8080 }] });

describe.skipIf(missing)(`agents in networks of their own${parts.note}${tools.note}`, () => {
  it('run pods that are reached through the API alone', async () => {
    writeFileSync(join(folder, 'server.mjs'), SERVER);
    await client.apply(deployment);
    await expect.poll(async () => (await pods.running()).length, { timeout: 20_000 }).toBe(4);
    for (const node of names) {
      const [pod] = await pods.running(node);
      const { name = '', uid } = pod?.metadata ?? {};
      await expect.poll(async () => (await k.try(['logs', name])).out, { timeout: 20_000 }).toBe(`I am ${uid}\n`);
      expect(await k.run(`get --raw /api/v1/namespaces/default/pods/${name}/proxy/`)).toBe(`here is ${uid}`);
      expect(await k.run(`get --raw /api/v1/nodes/${node}/proxy/healthz`)).toBe('ok');
      // The command runs in the node's own network.
      expect((await k.try(['exec', name, '--', 'ip', '-4', '-o', 'addr', 'show'])).out).toContain(`${NODES[node].address}/24`);
    }
  }, 60_000);

  it('have their pods replaced once when one is cut off, and no duplicate is left when it is back', async () => {
    const seen = new Set<string>();
    const stop = new AbortController();
    const following = (async () => {
      for await (const { type, object } of client.kind(Pod).watch({ namespace: 'default' }, stop.signal)) if (type === 'ADDED') seen.add(object.metadata.uid ?? '');
    })();
    const [stay, lost] = [await pods.running('one'), await pods.running('two')];
    expect(lost.length).toBeGreaterThan(0);
    setLink('two', 'down');
    await expect.poll(async () => (await pods.running('one')).length, { timeout: 20_000 }).toBe(4);
    expect(await pods.readiness('two')).toBe('Unknown');
    const after = await pods.live();
    expect(uidsOf(after)).toEqual(expect.arrayContaining(uidsOf(stay)));
    // Its containers run on, as nobody can tell it to end them; who asks for them is told that it cannot be reached.
    expect(running()).toEqual(expect.arrayContaining(uidsOf(lost)));
    expect((await k.try(['get', '--raw', '/api/v1/nodes/two/proxy/healthz'])).err).toMatch(new RegExp(`error dialing backend: dial tcp ${NODES.two.address}:10250: (?:connect: no route to host|i/o timeout)`));

    setLink('two', 'up');
    await expect.poll(() => pods.readiness('two'), { timeout: 30_000 }).toBe('True');
    await expect.poll(() => running().sort(), { timeout: 30_000 }).toEqual(uidsOf(after));
    await expect.poll(async () => uidsOf(await pods.all()), { timeout: 30_000 }).toEqual(uidsOf(after));
    expect(seen.size).toBe(stay.length + 2 * lost.length);
    expect(await k.run('get --raw /api/v1/nodes/two/proxy/healthz')).toBe('ok');
    stop.abort();
    await following;
  }, 90_000);
});
