import type { Clock, MetricsSource, NodeUsage, PodUsage } from '@orrery/core';
import type { SeededRandom } from '@orrery/core/testing';
import type { Signal } from '../mixed/signal.js';
import type { SimulatedNode } from '../simulated-node.js';

/** How a load goes over an hour. */
export const SHAPES = ['step', 'ramp', 'sine', 'noise'] as const;
export type Shape = (typeof SHAPES)[number];

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** So often noise changes. */
const NOISE_MS = 15_000;
/** So far noise goes from its mean, either way. */
const NOISE = 0.1;

/** A load of thousandths of cores, and how often the direction of what it wants may turn within the hour. */
export interface Load {
  readonly at: Signal;
  readonly turns: number;
}

/** A load of a shape between two levels. */
export function loadOf(shape: Shape, random: SeededRandom, low: number, high: number): Load {
  switch (shape) {
    case 'step': {
      const [up, down] = [(10 + random.int(10)) * MINUTE_MS, (30 + random.int(10)) * MINUTE_MS];
      return { at: (ms) => (ms >= up && ms < down ? high : low), turns: 1 };
    }
    case 'ramp': {
      const [from, to] = random.chance(0.5) ? [low, high] : [high, low];
      return { at: (ms) => from + (to - from) * Math.min(1, ms / HOUR_MS), turns: from < to ? 0 : 1 };
    }
    case 'sine': {
      const period = (12 + random.int(30)) * MINUTE_MS;
      return { at: (ms) => low + ((high - low) * (1 + Math.sin((2 * Math.PI * ms) / period))) / 2, turns: 2 * Math.ceil(HOUR_MS / period) + 1 };
    }
    case 'noise': {
      const noise = Array.from({ length: HOUR_MS / NOISE_MS }, () => 1 - NOISE + 2 * NOISE * random.float());
      const mean = (low + high) / 2;
      return { at: (ms) => mean * (noise[Math.floor(ms / NOISE_MS) % noise.length] as number), turns: 4 };
    }
  }
}

/** Containers use no more than so many times what a pod asks for. */
const BURST = 4;
const WINDOW_MS = 15_000;

/** What pods use that share a load: all that run on the machines, each the same. Tells so for whole windows, as agents do. */
export class SharedLoad implements MetricsSource {
  constructor(
    private readonly clock: Clock,
    private readonly machines: () => readonly SimulatedNode[],
    private readonly load: Signal,
    private readonly requestMillis: number,
  ) {}

  nodes(): readonly NodeUsage[] {
    return [];
  }

  pods(): readonly PodUsage[] {
    const running = this.machines().flatMap(({ machine }) => machine.containers().filter(({ state }) => state === 'running'));
    const cpuMillis = Math.min(BURST * this.requestMillis, this.load(this.clock.monotonic()) / running.length);
    return running.map(({ pod, config, memoryBytes }) => ({ ...pod, timestamp: this.clock.now(), windowMs: WINDOW_MS, containers: [{ name: config.name, cpuMillis, memoryBytes }] }));
  }
}
