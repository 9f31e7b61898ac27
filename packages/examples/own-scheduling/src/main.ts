// A filter and a score of your own: plain functions in a plugin of a few lines, exchanged while the orchestrator runs.
import { createOrchestrator, definePlugin, type FilterPlugin, NodeFilters, NodeScores, PASS, Pod, type Plugin, type WeightedScore } from '@orrery/core';
import { nodeAgent } from '@orrery/node-agent';
import { simulatedRuntime } from '@orrery/runtime-simulated';
import { scheduler } from '@orrery/scheduler';
import { memoryStore } from '@orrery/store-memory';

/** Only nodes that have what the pod's label `needs` names. */
const equipment: FilterPlugin = {
  name: 'Equipment',
  filter(pod, { node }) {
    const needs = pod.metadata.labels?.['needs'];
    if (needs === undefined || node.metadata.labels?.[needs] === 'yes') return PASS;
    return { ok: false, reasons: [`node has no ${needs}`], retryWhen: 'node-changes' };
  },
};

/** Prefers cheap nodes, or dear ones. */
const price = (sign: 1 | -1): WeightedScore => ({
  weight: 100,
  plugin: { name: 'Price', score: (_pod, { node }) => 50 - sign * Number(node.metadata.labels?.['price'] ?? 50) / 2 },
});

const policy = (name: string, sign: 1 | -1): Plugin =>
  definePlugin({
    name,
    setup({ add }) {
      add(NodeFilters, equipment);
      add(NodeScores, price(sign));
    },
  })();

const nodes = [
  { name: 'cheap', labels: { price: '10' } },
  { name: 'dear', labels: { price: '90', gpu: 'yes' } },
  { name: 'dearest', labels: { price: '100', gpu: 'yes' } },
];
const orchestrator = await createOrchestrator({ plugins: [memoryStore(), scheduler(), simulatedRuntime(), nodeAgent({ nodes }), policy('thrifty', 1)] });
await orchestrator.start();

async function place(name: string, labels: Record<string, string> = {}): Promise<string> {
  await orchestrator.client.apply({ apiVersion: 'v1', kind: 'Pod', metadata: { name, labels }, spec: { containers: [{ name: 'main', image: 'none', command: ['x'] }] } });
  for await (const { type, object } of orchestrator.client.kind(Pod).watch({ fieldSelector: `metadata.name=${name}` }, AbortSignal.timeout(10_000))) {
    if (type !== 'BOOKMARK' && (object.spec.nodeName ?? '') !== '') return object.spec.nodeName ?? '';
  }
  throw new Error(`${name} was not placed`);
}

console.log('thrifty:   plain pod →', await place('plain'), '  with gpu →', await place('render', { needs: 'gpu' }));
await orchestrator.replace('thrifty', policy('luxurious', -1));
console.log('luxurious: plain pod →', await place('plain-again'));
for (const { node, feasible, total, refusals } of (await orchestrator.explain({ name: 'render' })).nodes) {
  console.log(`  ${node}: ${feasible ? `score ${total.toFixed(0)}` : refusals.flatMap(({ reasons }) => reasons).join(', ')}`);
}
await orchestrator.stop();
