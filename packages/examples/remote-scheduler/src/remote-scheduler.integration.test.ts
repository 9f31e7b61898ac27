import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiClient, builtinKinds, Event, KindRegistry, Lease, Node, Pod, systemClock } from '@orrery/core';
import { findConnection, HttpTransport } from '@orrery/http-client';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';

const [orrery, example] = ['../../../cli/lib/main.js', '../dist/main.js'].map((path) => new URL(path, import.meta.url).pathname) as [string, string];
const folder = mkdtempSync(join(tmpdir(), 'orrery-remote-scheduler-'));
const KUBECONFIG = join(folder, 'kubeconfig');
const running: ChildProcess[] = [];

async function run(program: string, args: readonly string[], said: RegExp): Promise<ChildProcess> {
  let out = '';
  const child = spawn(process.execPath, [program, ...args], { env: { PATH: process.env.PATH, HOME: folder, KUBECONFIG }, stdio: ['ignore', 'pipe', 'pipe'] });
  running.push(child);
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (out += chunk.toString()));
  await vi.waitFor(() => expect(child.exitCode === null ? out : `it ended: ${out}`).toMatch(said), { timeout: 15_000 });
  return child;
}

beforeAll(() => {
  for (const program of [orrery, example]) if (!existsSync(program)) throw new Error(`run \`npm run build\` first: ${program} is not there`);
});
afterAll(async () => {
  for (const child of running.reverse()) {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL'), await once(child, 'exit');
  }
  rmSync(folder, { recursive: true, force: true });
});

it('places the pods that name it on the cheapest node with room, in a process of its own, and leaves the others alone', async () => {
  await run(orrery, ['up', '--nodes', '2', '--runtime', 'simulated', '--store', 'memory', '--data', join(folder, 'data'), '--kubeconfig', KUBECONFIG, '--listen', '127.0.0.1:0'], /kubectl get nodes/);
  const line = new HttpTransport({ connection: await findConnection({ kubeconfig: KUBECONFIG, clock: systemClock }), clock: systemClock });
  const client = new ApiClient({ transport: line, kinds: new KindRegistry(builtinKinds), user: { name: 'me', groups: [] } });
  const nodes = (await client.kind(Node).list()).items.map(({ metadata }) => metadata.name ?? '').sort();
  for (const [i, name] of nodes.entries()) await client.kind(Node).patch({ name }, 'merge', { metadata: { labels: { price: String(90 - 80 * i) } } });
  const scheduler = await run(example, [], /placing pods/);

  const pod = (name: string, schedulerName: string, cpu: string): object => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { schedulerName, containers: [{ name: 'c', image: 'x', resources: { requests: { cpu } } }] } });
  await client.apply([pod('small', 'cheapest-first', '1'), pod('large', 'cheapest-first', '60'), pod('more', 'cheapest-first', '60'), pod('other', 'nobody', '1'), pod('usual', 'default-scheduler', '1')]);
  const places = async (): Promise<Record<string, string | undefined>> => Object.fromEntries((await client.kind(Pod).list({ namespace: 'default' })).items.map(({ metadata, spec }) => [metadata.name, spec.nodeName]));
  await vi.waitFor(async () => expect(Object.values(await places()).filter((node) => node !== undefined && node !== '')).toHaveLength(4), { timeout: 10_000 });
  const placed = await places();
  expect(placed).toMatchObject({ small: nodes[1], other: undefined });
  // Of two that do not fit on one node, the second takes the dearer.
  expect([placed['large'], placed['more']].sort()).toEqual([...nodes]);
  const { spec } = await client.kind(Lease).get({ namespace: 'kube-system', name: 'cheapest-first' });
  expect(spec.holderIdentity).not.toBe('');
  await vi.waitFor(async () => expect((await client.kind(Event).list({ namespace: 'default' })).items.some(({ reason, involvedObject }) => reason === 'Scheduled' && involvedObject.name === 'small')).toBe(true), { timeout: 5_000 });

  scheduler.kill('SIGINT');
  expect(await once(scheduler, 'exit')).toEqual([0, null]);
  expect((await client.kind(Lease).get({ namespace: 'kube-system', name: 'cheapest-first' })).spec.holderIdentity).toBe('');
  line.close();
}, 60_000);
