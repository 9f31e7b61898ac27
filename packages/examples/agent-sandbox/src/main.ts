// Warm sandboxes on processes: claims are answered in milliseconds, one that dies is told, one whose time is over goes, and in the end nothing is left.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { workloadControllers } from '@orrery/controllers';
import { createOrchestrator, type KindDefinition, type KubeObject, Pod } from '@orrery/core';
import { nodeAgent } from '@orrery/node-agent';
import { processRuntime } from '@orrery/runtime-process';
import { scheduler } from '@orrery/scheduler';
import { memoryStore } from '@orrery/store-memory';
import { Sandbox, SandboxClaim, SandboxPool, sandboxes } from './sandboxes.js';

const PROGRAM = new URL('../agent.mjs', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'orrery-agent-sandbox-'));
const orchestrator = await createOrchestrator({
  plugins: [
    memoryStore(),
    scheduler(),
    workloadControllers(),
    processRuntime({ stateDir: join(folder, 'runtime'), onStop: 'destroy' }),
    nodeAgent({ name: 'this-machine', rootDir: join(folder, 'node') }),
    sandboxes(),
  ],
});
const { client } = orchestrator;

/** The object when it is as wanted; fails after half a minute. */
async function when<T extends KubeObject>(kind: KindDefinition<T>, name: string, wanted: (object: T) => boolean): Promise<T> {
  for await (const event of client.kind(kind).watch({ namespace: 'default', fieldSelector: `metadata.name=${name}` }, AbortSignal.timeout(30_000))) {
    if ((event.type === 'ADDED' || event.type === 'MODIFIED') && wanted(event.object)) return event.object;
  }
  throw new Error(`${kind.kind} ${name} did not become what it should within 30 s`);
}

/** The first moment at which there is no such object. */
async function whenGone(kind: KindDefinition, name?: string): Promise<void> {
  const selection = { namespace: 'default', ...(name !== undefined && { fieldSelector: `metadata.name=${name}` }) };
  const here = new Set<string>();
  for await (const event of client.kind(kind).watch({ ...selection, allowWatchBookmarks: true }, AbortSignal.timeout(30_000))) {
    if (event.type === 'ADDED') here.add(event.object.metadata.name ?? '');
    if (event.type === 'DELETED') here.delete(event.object.metadata.name ?? '');
    // The bookmark after the first list says that it is complete.
    if (here.size === 0 && event.type !== 'ADDED') return;
  }
  throw new Error(`there is still a ${kind.kind} after 30 s: ${[...here].join(', ')}`);
}

const claimed = async (name: string, spec: object = {}): Promise<{ readonly claim: SandboxClaim; readonly ms: number }> => {
  const start = performance.now();
  const bound = when(SandboxClaim, name, ({ status }) => status?.phase === 'Bound');
  await client.kind(SandboxClaim).create({ apiVersion: SandboxClaim.apiVersion, kind: 'SandboxClaim', metadata: { name }, spec: { pool: 'agents', ...spec } });
  const claim = await bound;
  return { claim, ms: performance.now() - start };
};
const ask = async (claim: SandboxClaim, code: string): Promise<string> => (await fetch(`http://${claim.status?.address}/run`, { method: 'POST', body: code, signal: AbortSignal.timeout(10_000) })).text();
const filled = (): Promise<SandboxPool> => when(SandboxPool, 'agents', ({ status }) => status?.ready === 3);

try {
  await orchestrator.start();
  const template = { image: 'none', command: [process.execPath, PROGRAM], env: {}, port: 8080, requests: {} };
  await client.kind(SandboxPool).create({ apiVersion: SandboxPool.apiVersion, kind: 'SandboxPool', metadata: { name: 'agents' }, spec: { warm: 3, max: 8, template } });
  await filled();
  console.log('a pool of 3 warm sandboxes is ready');

  for (const [i, code] of ['6 * 7', "'orrery'.toUpperCase()", '[3, 1, 2].sort().join()'].entries()) {
    const { claim, ms } = await claimed(`task-${i}`);
    console.log(`task-${i} got ${claim.status?.warm === true ? 'a warm' : 'a new'} sandbox in ${ms.toFixed(1)} ms; ${code} is ${await ask(claim, code)}`);
    await filled();
  }

  const ending = when(SandboxClaim, 'task-0', ({ status }) => status?.phase === 'Ended');
  await ask(await client.kind(SandboxClaim).get({ name: 'task-0' }), "this.constructor.constructor('return process')().exit(1)").catch(() => 'it broke out and took its sandbox with it');
  console.log(`task-0 ended: ${(await ending).status?.message}`);

  await claimed('brief', { ttlSeconds: 1 });
  await whenGone(SandboxClaim, 'brief');
  console.log('brief went when its second was over');

  for (const i of [0, 1, 2]) await client.kind(SandboxClaim).delete({ name: `task-${i}` });
  await client.kind(SandboxPool).delete({ name: 'agents' });
  await whenGone(Sandbox);
  await whenGone(Pod);
  console.log('claims and pool deleted: no sandbox and no pod is left');
} finally {
  await orchestrator.stop();
  rmSync(folder, { recursive: true, force: true });
}
