// Two control planes on one Redis; the leader is stopped with SIGSTOP, the other takes over, and what the old one writes when it goes on is refused by the store.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ConfigMap, createOrchestrator, Deployment, Pod } from '@orrery/core';
import { missingParts, startRedis } from '@orrery/engines';
import { redisStore } from '@orrery/store-redis';

const missing = missingParts(['redis-server', 'redis-cli']);
if (missing !== undefined) {
  console.log(`left out: ${missing}`);
  process.exit(process.env['ORRERY_REQUIRE'] === 'all' ? 1 : 0);
}
const redis = await startRedis({ appendfsync: 'always' });
const heard = new Map<string, { leading?: boolean; started?: boolean; refused?: number; accepted?: number }>();
const controlPlane = (name: string): ChildProcess => fork(fileURLToPath(new URL('control-plane.js', import.meta.url)), [name, redis.url]).on('message', (message: { name: string }) => heard.set(name, { ...heard.get(name), ...message }));
const until = async (what: string, holds: () => boolean | Promise<boolean>, end = Date.now() + 30_000): Promise<void> => {
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within 30 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

/** This process only looks: an orchestrator without controllers, on the same store. */
const orchestrator = await createOrchestrator({ plugins: [redisStore({ url: redis.url })], leaderElection: false });
await orchestrator.start();
const deployments = orchestrator.client.kind(Deployment);
const deploy = async (name: string): Promise<void> => {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'none' }] } };
  await orchestrator.client.apply({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec: { replicas: 3, selector: { matchLabels: labels }, template } });
  await until(`3 pods of ${name}`, async () => (await orchestrator.client.kind(Pod).list({ namespace: 'default', labelSelector: `app=${name}` })).items.length === 3);
};
await orchestrator.client.kind(ConfigMap).create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'reckless', namespace: 'default' } });

const [a, b] = [controlPlane('a'), controlPlane('b')];
await until('both to run, one of them leading', () => ['a', 'b'].every((name) => heard.get(name)?.started === true) && [...heard.values()].some(({ leading }) => leading === true));
const [old, oldName, nextName] = heard.get('a')?.leading === true ? [a, 'a', 'b'] : [b, 'b', 'a'];
await deploy('first');
console.log(`${oldName} leads and made the pods of "first"; ${nextName} waits`);

const stoppedAt = Date.now();
old.kill('SIGSTOP');
await until('the other to lead', () => heard.get(nextName)?.leading === true);
const takeoverMs = Date.now() - stoppedAt;
await deploy('second');
console.log(`${oldName} stopped with SIGSTOP: ${nextName} leads after ${takeoverMs} ms, and made the pods of "second"; "first" still wants ${(await deployments.get({ name: 'first' })).spec.replicas}`);

const before = heard.get(oldName)?.accepted ?? 0;
old.kill('SIGCONT');
await until('the old one to be refused a hundred times', () => (heard.get(oldName)?.refused ?? 0) >= 100);
// One that the store took before the stop may have been answered after it; none that began later.
const { accepted = 0, refused = 0, leading } = heard.get(oldName) ?? {};
const staleWrites = Math.max(0, accepted - before - 1);
console.log(`${oldName} went on: ${refused} writes under its old epoch refused, ${staleWrites} accepted; it ${leading === true ? 'believes that it leads' : 'waits'}`);
console.log(JSON.stringify({ example: 'takeover', metrics: { takeoverMs, staleWritesAccepted: staleWrites, staleWritesRefused: refused } }));

for (const child of [a, b]) child.kill('SIGTERM');
await Promise.all([a, b].map((child) => new Promise((resolve) => child.once('exit', resolve))));
await orchestrator.stop();
await redis.stop();
if (staleWrites > 0 || takeoverMs > 5_000 || leading === true) process.exit(1);
