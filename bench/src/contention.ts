import { Agent, request } from 'node:http';
import { type Orchestrator, Pod } from '@orrery/core';
import { allRunning, oneNode } from './cluster.js';
import { type BenchResult, quantile, rounded } from './measure.js';

const SERVER = new URL('../contention-server.mjs', import.meta.url).pathname;
const GREEDY = new URL('../contention-greedy.mjs', import.meta.url).pathname;
const PORT = 8080;
const GOOD_PODS = 20;
/** Every pod is asked so often; all together keep less than half of two processors busy. */
const PERIOD_MS = 60;
const MEASURE_MS = 8_000;
const LIMITS = { cpu: '250m', memory: '256Mi' };

/**
 * The 99th percentile of twenty well-behaved pods' answers beside one pod that takes all cpu and memory it can get, with limits and without,
 * over that of the same pods alone; and who was killed. The well-behaved ones ask for what they use.
 */
export async function contentionBench(): Promise<BenchResult> {
  if (process.getuid?.() !== 0) throw new Error('This benchmark needs root: limits are kept by control groups.');
  const { orchestrator, end } = await oneNode();
  try {
    const addresses = await goodPods(orchestrator);
    await askAll(addresses, 2_000);
    const alone = await askAll(addresses, MEASURE_MS);
    const limited = await beside(orchestrator, 'limited', { limits: LIMITS, requests: LIMITS }, () => askAll(addresses, MEASURE_MS));
    const unlimited = await beside(orchestrator, 'unlimited', undefined, () => askAll(addresses, MEASURE_MS));
    const goodKills = await restarts(orchestrator, 'group=good');
    const p99 = (times: readonly number[]): number => quantile(times, 0.99);
    process.stdout.write(
      `p99 of ${GOOD_PODS} pods: ${p99(alone).toFixed(1)} ms alone, ${p99(limited.result).toFixed(1)} ms beside a greedy one with limits, ${p99(unlimited.result).toFixed(1)} ms without; ` +
        `killed: the greedy one ${limited.kills} time(s) with limits, ${unlimited.kills} without, the others ${goodKills}\n`,
    );
    return {
      bench: 'contention',
      metrics: {
        p99RatioWithLimits: rounded(p99(limited.result) / p99(alone)),
        p99RatioWithoutLimits: rounded(p99(unlimited.result) / p99(alone)),
        p99AloneMs: rounded(p99(alone)),
        p50RatioWithLimits: rounded(quantile(limited.result, 0.5) / quantile(alone, 0.5)),
        p50RatioWithoutLimits: rounded(quantile(unlimited.result, 0.5) / quantile(alone, 0.5)),
        greedyKillsWithLimits: limited.kills,
        greedyKillsWithoutLimits: unlimited.kills,
        goodKills,
      },
    };
  } finally {
    await end();
  }
}

/** The well-behaved pods' addresses, when all answer. */
async function goodPods(orchestrator: Orchestrator): Promise<readonly string[]> {
  const pods = orchestrator.client.kind(Pod);
  const resources = { requests: { cpu: '50m', memory: '64Mi' } };
  await Promise.all(Array.from({ length: GOOD_PODS }, (_, i) => pods.create(podOf(`good-${i}`, 'good', SERVER, resources))));
  await allRunning(orchestrator, 'group=good', GOOD_PODS);
  const { items } = await pods.list({ labelSelector: 'group=good' });
  const addresses = items.map(({ status }) => status?.podIP ?? '');
  const agent = new Agent();
  for (const address of addresses) {
    await untilAnswers(address, agent);
  }
  agent.destroy();
  return addresses;
}

/** Throws the last refusal when that takes too long. */
async function untilAnswers(address: string, agent: Agent, limitMs = 60_000): Promise<void> {
  for (const end = performance.now() + limitMs; ; ) {
    try {
      await ask(address, agent);
      return;
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Milliseconds of every answer, in a steady stream of requests that does not wait for slow ones. */
async function askAll(addresses: readonly string[], forMs: number): Promise<readonly number[]> {
  const agent = new Agent({ keepAlive: true });
  const asked: Promise<number>[] = [];
  const end = performance.now() + forMs;
  for (let turn = 0; performance.now() < end; turn += 1) {
    asked.push(ask(addresses[turn % addresses.length] ?? '', agent));
    await new Promise((resolve) => setTimeout(resolve, PERIOD_MS / addresses.length));
  }
  const times = await Promise.all(asked);
  agent.destroy();
  return times;
}

function ask(host: string, agent: Agent): Promise<number> {
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const outgoing = request({ host, port: PORT, agent }, (reply) => {
      reply.resume();
      reply.on('end', () => resolve(performance.now() - start));
      reply.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** Does something while a greedy pod runs; tells how often that was killed. */
async function beside<T>(orchestrator: Orchestrator, name: string, resources: object | undefined, body: () => Promise<T>): Promise<{ readonly result: T; readonly kills: number }> {
  const pods = orchestrator.client.kind(Pod);
  await pods.create(podOf(name, name, GREEDY, resources));
  await allRunning(orchestrator, `group=${name}`, 1);
  const result = await body();
  const kills = await restarts(orchestrator, `group=${name}`);
  await pods.delete({ name }, { gracePeriodSeconds: 0 });
  while ((await pods.find({ name })) !== undefined) await new Promise((resolve) => setTimeout(resolve, 20));
  return { result, kills };
}

/** How often containers of these pods have ended. */
async function restarts(orchestrator: Orchestrator, labelSelector: string): Promise<number> {
  const { items } = await orchestrator.client.kind(Pod).list({ labelSelector });
  return items.flatMap(({ status }) => status?.containerStatuses ?? []).reduce((sum, { restartCount, state, lastState }) => sum + Math.max(restartCount ?? 0, (state?.terminated ?? lastState?.terminated) === undefined ? 0 : 1), 0);
}

function podOf(name: string, group: string, program: string, resources: object | undefined): Pod {
  const env = [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }, { name: 'PORT', value: String(PORT) }];
  const container = { name: 'main', image: 'none', command: [process.execPath, program], env, ...(resources !== undefined && { resources }) };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', labels: { group } }, spec: { containers: [container], terminationGracePeriodSeconds: 0 } } as unknown as Pod;
}
