import { Runtimes, createOrchestrator } from '@orrery/core';
import { memoryStore } from '@orrery/store-memory';
import { describe, expect, it } from 'vitest';
import { createDockerRuntime, dockerRuntime } from './index.js';

describe('options', () => {
  it.each([
    ['id', { id: 'a/b' }], ['id', { id: '' }], ['network', { network: 'host' }], ['network', { network: 'container:x' }], ['socketPath', { socketPath: 'relative' }],
    ['parallelStarts', { parallelStarts: 0 }], ['logMaxFiles', { logMaxFiles: 1 }], ['logMaxBytes', { logMaxBytes: 10 }],
  ])('a wrong %s is INVALID', (field, options) => {
    expect(() => createDockerRuntime(options)).toThrow(expect.objectContaining({ code: 'INVALID', details: { field } }) as Error);
  });

  it('nothing is opened before it is used, and closing what was never used is fine', async () => {
    const runtime = createDockerRuntime({ socketPath: '/no/such/socket', name: 'd' });
    expect([runtime.name, Object.values(runtime.capabilities).every(Boolean)]).toEqual(['d', true]);
    await runtime[Symbol.asyncDispose]();
    await expect(runtime.ready(new AbortController().signal)).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('an engine that is not there is UNAVAILABLE, with the reason', async () => {
    const runtime = createDockerRuntime({ socketPath: '/no/such/socket' });
    await expect(runtime.ready(new AbortController().signal)).rejects.toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('ENOENT') });
    await runtime[Symbol.asyncDispose]();
  });

  it('the plugin takes the seat, survives an engine that is not there, and stops', async () => {
    const orchestrator = await createOrchestrator({ plugins: [memoryStore(), dockerRuntime({ socketPath: '/no/such/socket', name: 'd' })] });
    await orchestrator.start();
    expect(orchestrator.get(Runtimes).get('d')?.name).toBe('d');
    await orchestrator.stop();
  });

  it('a second orchestrator with the same id on the engine is told so, and destroys nothing', async () => {
    const made = (id: string) => createOrchestrator({ plugins: [memoryStore(), dockerRuntime({ socketPath: '/no/such/socket', id, onStop: 'leave' })] });
    const [first, second, other] = [await made('claimed'), await made('claimed'), await made('other')];
    await first.start();
    await expect(second.start()).rejects.toThrow(/Another orchestrator of this machine uses the engine at \/no\/such\/socket with the id "claimed"/);
    await other.start();
    await first.stop();
    const third = await made('claimed');
    await third.start();
    for (const orchestrator of [second, other, third]) await orchestrator.stop();
  });

  it('the plugin refuses options that it does not know', async () => {
    await expect(createOrchestrator({ plugins: [memoryStore(), dockerRuntime({ policy: { privilege: true } } as never)] })).rejects.toMatchObject({ code: 'OPTIONS_INVALID' });
  });
});
