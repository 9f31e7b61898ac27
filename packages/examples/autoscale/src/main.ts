// A service on real processes whose replicas follow its load: 1 → 6 → 1, to zero when nobody asks, and from zero with the first request answered.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deployments, endpointSlices, garbageCollection, horizontalPodAutoscaling, replicaSets } from '@orrery/controllers';
import { createOrchestrator, Deployment, Service } from '@orrery/core';
import { loopbackNetwork } from '@orrery/network-loopback';
import { nodeAgent } from '@orrery/node-agent';
import { userspaceProxy } from '@orrery/proxy-userspace';
import { processRuntime } from '@orrery/runtime-process';
import { scheduler } from '@orrery/scheduler';
import { memoryStore } from '@orrery/store-memory';
import { Load } from './load.js';
import { line, plot, type Sample } from './plot.js';

const here = new URL('..', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'orrery-autoscale-'));
const orchestrator = await createOrchestrator({
  plugins: [
    memoryStore(), scheduler(), loopbackNetwork(), userspaceProxy({ demandSeconds: 0.5 }),
    deployments(), replicaSets(), endpointSlices(), garbageCollection(), horizontalPodAutoscaling({ syncPeriodSeconds: 0.5, cpuInitializationPeriodSeconds: 4 }),
    nodeAgent({ rootDir: join(folder, 'node'), metricsSeconds: 1 }), processRuntime({ stateDir: join(folder, 'runtime'), workingDir: here, onStop: 'destroy' }),
  ],
});
await orchestrator.start();
const { client } = orchestrator;
await client.apply(readFileSync(join(here, 'manifests.yaml'), 'utf8'), { namespace: 'default' });
const burner = { namespace: 'default', name: 'burner' };
const load = new Load(`http://${(await client.kind(Service).get(burner)).spec.clusterIP}:8080/`);

const samples: Sample[] = [];
const sample = async (): Promise<Sample> => {
  const { spec, status } = await client.kind(Deployment).get(burner);
  return { rate: load.rate, wanted: spec.replicas ?? 0, ready: status?.readyReplicas ?? 0 };
};
const second = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1_000));

const STEP = 8;

/** Moves the load towards a rate and shows each second until it is there and the replicas are as they should be. Throws when that takes too long. */
async function phase(title: string, rate: number, done: (now: Sample) => boolean, limit: number): Promise<void> {
  console.log(title);
  for (let i = 0; i < limit; i += 1) {
    load.rate += Math.max(-STEP, Math.min(STEP, rate - load.rate));
    await second();
    const now = await sample();
    samples.push(now);
    console.log(line(samples.length, now));
    if (i >= 3 && load.rate === rate && done(now)) return;
  }
  throw new Error(`not seen within ${limit} s: ${title}`);
}

const both = (count: number) => ({ wanted, ready }: Sample): boolean => wanted === count && ready === count;
try {
  await phase('A little load: one replica', 2, both(1), 15);
  await phase('Ever more load: six replicas', 45, both(6), 25);
  await phase('Ever less: one replica', 2, both(1), 20);
  await phase('No load: none', 0, both(0), 15);
  console.log('One request, while there is no replica:');
  const asked = Date.now();
  const pod = await load.ask();
  if (pod === undefined) throw new Error('the first request after zero was not answered');
  console.log(`      answered by ${pod} after ${Date.now() - asked} ms`);
  samples.push(await sample());
  console.log(`\n${plot(samples, 6)}\n\n${load.answered} requests were answered, ${load.failed} were not.`);
  if (load.failed > 0) throw new Error('some requests were not answered');
} catch (error) {
  console.error(`\nIt did not scale as it should have: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  load.stop();
  await orchestrator.stop();
  rmSync(folder, { recursive: true, force: true });
}
