import { Sandbox, SandboxClaim, SandboxPool, sandboxes } from '@orrery/example-agent-sandbox';
import type { Orchestrator } from '@orrery/core';
import { quantile } from '../measure.js';
import { processCluster } from './cluster.js';

const WARM = 16;
const CLAIMS = 200;
/** Between two claims: the pool fills up again meanwhile, as it would under a steady load. */
const PAUSE_MS = 25;

/** Create → bound with an address, as a watcher sees it, of claims on a pool of warm sandboxes that are real processes: quantiles in milliseconds. */
export async function warmClaims(): Promise<{ readonly p50Ms: number; readonly p99Ms: number; readonly warmShare: number }> {
  const { orchestrator, end } = await processCluster([sandboxes()]);
  try {
    const { client } = orchestrator;
    const template = { image: 'none', command: ['sleep', '600'], env: {}, requests: {} };
    await client.kind(SandboxPool).create({ apiVersion: SandboxPool.apiVersion, kind: 'SandboxPool', metadata: { name: 'pool' }, spec: { warm: WARM, template } });
    await allWarm(orchestrator);
    const abort = new AbortController();
    const waiting = new Map<string, (claim: SandboxClaim) => void>();
    const watching = follow(orchestrator, abort.signal, (claim) => waiting.get(claim.metadata.name ?? '')?.(claim));
    const times: number[] = [];
    let warm = 0;
    for (let i = 0; i < CLAIMS; i += 1) {
      const name = `c${i}`;
      const bound = new Promise<SandboxClaim>((resolve) => void waiting.set(name, resolve));
      const start = performance.now();
      await client.kind(SandboxClaim).create({ apiVersion: SandboxClaim.apiVersion, kind: 'SandboxClaim', metadata: { name }, spec: { pool: 'pool' } });
      const claim = await bound;
      times.push(performance.now() - start);
      if (claim.status?.warm === true) warm += 1;
      await client.kind(SandboxClaim).delete({ name }, { propagationPolicy: 'Background' });
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    abort.abort();
    await watching;
    return { p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99), warmShare: warm / CLAIMS };
  } finally {
    await end();
  }
}

async function follow({ client }: Orchestrator, signal: AbortSignal, bound: (claim: SandboxClaim) => void): Promise<void> {
  for await (const event of client.kind(SandboxClaim).watch({ namespace: 'default' }, signal)) {
    if (event.type !== 'BOOKMARK' && event.object.status?.phase === 'Bound') bound(event.object);
  }
}

async function allWarm({ client }: Orchestrator): Promise<void> {
  const ready = new Set<string>();
  for await (const event of client.kind(Sandbox).watch({ namespace: 'default' }, AbortSignal.timeout(60_000))) {
    if (event.type !== 'BOOKMARK' && event.object.status?.phase === 'Ready') ready.add(event.object.metadata.name ?? '');
    if (ready.size === WARM) return;
  }
  throw new Error(`${ready.size} of ${WARM} sandboxes became ready`);
}
