import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { workloadControllers } from '@orrery/controllers';
import { createOrchestrator, Deployment, type Orchestrator, Pod } from '@orrery/core';
import { nodeAgent } from '@orrery/node-agent';
import { simulatedRuntime } from '@orrery/runtime-simulated';
import { scheduler } from '@orrery/scheduler';
import { memoryStore } from '@orrery/store-memory';
import parse from 'parse-prometheus-text-format';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { httpApi } from './index.js';

// The page of a whole orchestrator, as Prometheus reads it.

const TOKEN = 'anna-has-this-token-0123456789';
const folder = mkdtempSync(join(tmpdir(), 'orrery-metrics-'));
let orchestrator: Orchestrator;
let url = '';
beforeAll(async () => {
  orchestrator = await createOrchestrator({
    leaderElection: true,
    plugins: [
      memoryStore(),
      scheduler(),
      workloadControllers(),
      simulatedRuntime({ behaviour: () => ({ startDelayMs: 5 }) }),
      nodeAgent({ rootDir: folder, capacity: { cpu: '8', memory: '8Gi', pods: '100' }, nodes: [{ name: 'n1' }, { name: 'n2' }] }),
      httpApi({ port: 0, tokens: [{ token: TOKEN, user: 'anna' }], listening: (at) => (url = at) }),
    ],
  });
  await orchestrator.start();
});
afterAll(async () => {
  await orchestrator.stop();
  rmSync(folder, { recursive: true, force: true });
});

const ask = (path: string, init: RequestInit = {}): Promise<Response> => fetch(`${url}${path}`, { ...init, headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' } });
type Family = ReturnType<typeof parse>[number];
const page = async () => {
  const text = await (await ask('/metrics')).text();
  // This parser knows histograms without labels only: their series are read as what they are.
  const histograms = new Set([...text.matchAll(/^# TYPE (\S+) histogram$/gm)].map(([, name]) => name));
  const families = parse(text.split('\n').filter((line) => !histograms.has(/^# (?:TYPE|HELP) (\S+)/.exec(line)?.[1])).join('\n'));
  const byName = new Map<string, Family>();
  for (const family of families) byName.set(family.name, { ...family, metrics: [...(byName.get(family.name)?.metrics ?? []), ...family.metrics] });
  return byName;
};
const valueOf = (family: Family | undefined, labels: Record<string, string> = {}): number | undefined => {
  const found = family?.metrics.find((metric) => Object.entries(labels).every(([name, value]) => metric.labels?.[name] === value));
  return found === undefined ? undefined : Number(found.value);
};
const podOf = (name: string, cpu: string) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec: { containers: [{ name: 'main', image: 'x:1', resources: { requests: { cpu } } }] } });
const deploy = (name: string, replicas: number) =>
  orchestrator.client.apply({
    apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace: 'default' },
    spec: { replicas, selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'main', image: 'x:1' }] } } },
  });
const ready = async (name: string) => (await orchestrator.client.kind(Deployment).get({ namespace: 'default', name })).status?.readyReplicas;

it('has what Kubernetes has, by its names and labels, and no more labels with more objects', async () => {
  await deploy('web', 3);
  await ask('/api/v1/namespaces/default/pods', { method: 'POST', body: JSON.stringify(podOf('too-large', '100')) });
  const watching = new AbortController();
  const watch = await ask('/api/v1/pods?watch=true', { signal: watching.signal });
  await expect.poll(() => ready('web'), { timeout: 10_000 }).toBe(3);
  await expect.poll(async () => valueOf((await page()).get('scheduler_pending_pods'), { queue: 'unschedulable' })).toBe(1);
  await expect.poll(async () => valueOf((await page()).get('kubelet_running_pods'))).toBe(3);
  const seen = await page();
  const at = (name: string, labels?: Record<string, string>): number | undefined => valueOf(seen.get(name), labels);
  // Scheduler.
  expect(at('scheduler_schedule_attempts_total', { result: 'scheduled', profile: 'default-scheduler' })).toBe(3);
  expect(at('scheduler_schedule_attempts_total', { result: 'unschedulable', profile: 'default-scheduler' })).toBeGreaterThanOrEqual(1);
  expect(at('scheduler_scheduling_attempt_duration_seconds_count', { result: 'scheduled' })).toBe(3);
  expect(at('scheduler_pod_scheduling_sli_duration_seconds_count', { attempts: '1' })).toBe(3);
  expect(['active', 'backoff', 'unschedulable'].map((queue) => at('scheduler_pending_pods', { queue }))).toEqual([0, 0, 1]);
  // Controllers.
  for (const name of ['deployment', 'replicaset']) {
    expect(at('workqueue_adds_total', { name })).toBeGreaterThan(0);
    expect(at('workqueue_queue_duration_seconds_count', { name })).toBeGreaterThan(0);
    expect(at('workqueue_work_duration_seconds_count', { name })).toBeGreaterThan(0);
    for (const gauge of ['workqueue_depth', 'workqueue_unfinished_work_seconds', 'workqueue_longest_running_processor_seconds']) expect(at(gauge, { name })).toBe(0);
  }
  expect(seen.get('workqueue_retries_total')?.type).toBe('COUNTER');
  // API server, store, election.
  expect(at('apiserver_storage_objects', { resource: 'pods' })).toBe(4);
  expect(at('apiserver_storage_objects', { resource: 'deployments.apps' })).toBe(1);
  expect(at('etcd_request_duration_seconds_count', { operation: 'commit' })).toBeGreaterThan(10);
  expect(at('apiserver_watch_events_total', { group: '', version: 'v1', resource: 'pods' })).toBeGreaterThanOrEqual(4);
  expect(at('apiserver_longrunning_requests', { verb: 'WATCH', resource: 'pods' })).toBe(1);
  expect(at('apiserver_current_inflight_requests', { request_kind: 'readOnly' })).toBeGreaterThanOrEqual(0);
  expect(at('apiserver_flowcontrol_dispatched_requests_total', { priority_level: 'global-default' })).toBeGreaterThan(0);
  expect(at('leader_election_master_status', { name: 'orrery-leader' })).toBe(1);
  // Nodes and the process.
  expect(at('kubelet_pod_start_sli_duration_seconds_count')).toBe(3);
  expect(at('kubelet_pod_start_total_duration_seconds_count')).toBe(3);
  expect(at('kubelet_runtime_operations_duration_seconds_count', { operation_type: 'start_container' })).toBe(3);
  expect(at('process_cpu_seconds_total')).toBeGreaterThan(0);
  expect(seen.get('process_cpu_seconds_total')?.type).toBe('COUNTER');
  for (const { name, type } of seen.values()) if (name.endsWith('_total')) expect(type, name).toBe('COUNTER');

  const series = (families: typeof seen): number => [...families.values()].reduce((sum, { metrics }) => sum + metrics.length, 0);
  const before = series(seen);
  for (let i = 0; i < 5; i += 1) await deploy(`more-${i}`, 4);
  await expect.poll(async () => Promise.all([0, 1, 2, 3, 4].map((i) => ready(`more-${i}`))), { timeout: 20_000 }).toEqual([4, 4, 4, 4, 4]);
  for (let i = 0; i < 20; i += 1) await ask(`/api/v1/namespaces/made-up-${i}/pods/none-${i}`);
  const after = await page();
  expect(valueOf(after.get('apiserver_storage_objects'), { resource: 'pods' })).toBe(24);
  // What had not happened before: reading one pod, which is not there.
  expect(series(after) - before).toBeLessThan(60);
  expect(JSON.stringify([...after])).not.toMatch(/made-up|none-|more-|too-large|anna/);
  watching.abort();
  await watch.text().catch(() => '');
}, 60_000);

it('shows nothing of what is over', async () => {
  await orchestrator.client.kind(Deployment).delete({ namespace: 'default', name: 'web' });
  await expect.poll(async () => (await orchestrator.client.kind(Pod).list({ namespace: 'default', labelSelector: 'app=web' })).items.length, { timeout: 15_000 }).toBe(0);
  await expect.poll(async () => valueOf((await page()).get('kubelet_running_pods'))).toBe(20);
}, 30_000);
