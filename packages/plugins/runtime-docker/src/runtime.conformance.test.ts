import { runtimeConformance } from '@orrery/core/testing';
import { busyboxImage, requireParts, startDockerd } from '@orrery/engines';
import type { DockerEngine } from '@orrery/engines';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { IMAGE, dockerContext } from './test/context.js';

const { missing, note } = requireParts('dockerd', 'busybox', 'tar', 'ip');

describe.skipIf(missing)(`on a real engine${note}`, () => {
  let engine: DockerEngine;
  beforeAll(async () => {
    engine = await startDockerd({ bridge: true });
    await busyboxImage(engine.socketPath, IMAGE);
  });
  afterAll(() => engine?.stop());

  runtimeConformance('docker', () => dockerContext(engine), { describe, it });
});
