import { OrreryError } from '@orrery/core';
import { SeededRandom, VirtualClock } from '@orrery/core/testing';
import { describe, expect, it } from 'vitest';
import type { SimulatedImagesOptions } from './images.js';
import { createSimulatedRuntime, SimulatedMachine } from './index.js';

const never = new AbortController().signal;

function opened(images: SimulatedImagesOptions) {
  const clock = new VirtualClock();
  return { clock, runtime: createSimulatedRuntime({ machine: new SimulatedMachine({ clock, random: new SeededRandom(1), images }) }) };
}

describe('images of a simulated machine', () => {
  it('are pulled in their time, for those the registry knows', async () => {
    const asked: string[] = [];
    const { clock, runtime } = opened({
      registry: (reference, auth) => {
        asked.push(reference);
        return auth?.username === 'anna' ? { sizeBytes: 7, pullMs: 2_000, user: { uid: 5 } } : { refuse: 'unauthorized' };
      },
    });
    expect(runtime.capabilities.images).toBe(true);
    await expect(runtime.pullImage('app:1', never)).rejects.toThrow(/unauthorized/);
    let pulled: unknown;
    void runtime.pullImage('app:1', never, { username: 'anna' }).then((status) => (pulled = status));
    await clock.until(() => pulled !== undefined, 10_000, 'the pull');
    expect(clock.monotonic()).toBe(2_000);
    expect(pulled).toMatchObject({ reference: 'app:1', tags: ['docker.io/library/app:1'], sizeBytes: 7, user: { uid: 5 }, pinned: false });
    expect(asked).toEqual(['docker.io/library/app:1', 'docker.io/library/app:1']);
    expect(await runtime.imageFilesystem(never)).toEqual({ path: '/', usedBytes: 7 });
  });

  it('are there from the start, and go when nothing was made from them', async () => {
    const { runtime } = opened({ registry: () => ({ refuse: 'no' }), present: { app: { sizeBytes: 1 }, pause: { sizeBytes: 1, pinned: true } } });
    expect((await runtime.listImages(never)).map(({ tags, pinned }) => [tags[0], pinned])).toEqual([['docker.io/library/app:latest', false], ['docker.io/library/pause:latest', true]]);
    await runtime.removeImage('app', never);
    await runtime.removeImage('app', never);
    expect(await runtime.imageStatus('app', never)).toBeUndefined();
    expect(await runtime.imageStatus('Not a name', never).catch((error: unknown) => OrreryError.is(error, 'INVALID'))).toBe(true);
  });
});
