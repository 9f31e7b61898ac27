import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createOrchestrator, Node, type Orchestrator } from '@orrery/core';
import { memoryStore } from '@orrery/store-memory';
import { afterEach, expect, it } from 'vitest';
import { processRuntime } from './index.js';
import { temporaryDirectory } from './test/context.js';

const parent = temporaryDirectory();
const started: Orchestrator[] = [];
afterEach(async () => {
  for (const orchestrator of started) await orchestrator.stop();
  rmSync(parent, { recursive: true, force: true });
});

const made = async (stateDir: string): Promise<Orchestrator> => {
  const orchestrator = await createOrchestrator({ plugins: [memoryStore(), processRuntime({ stateDir, onStop: 'destroy', lingerSeconds: 0 })] });
  started.push(orchestrator);
  return orchestrator;
};

it('a second orchestrator with the same state directory is told so and does nothing; when the first has stopped it may start', async () => {
  const first = await made(join(parent, 'state'));
  await first.start();
  const second = await made(join(parent, 'state', '..', 'state'));
  await expect(second.start()).rejects.toThrow(/Another orchestrator runs processes with the state directory .*Stop it, or give one of them another/);
  expect((await first.client.kind(Node).list()).items).toEqual([]);
  await (await made(join(parent, 'other'))).start();
  await first.stop();
  await (await made(join(parent, 'state'))).start();
});
