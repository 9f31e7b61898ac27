import { systemClock } from '@orrery/core';
import { type Part, requireParts } from '@orrery/engines';
import { describe, expect, it } from 'vitest';
import type { EngineName } from './rigs/index.js';
import { runChaos } from './run.js';

const RUNS: readonly { readonly engine: EngineName; readonly seed: number; readonly lastsMs: number; readonly needs: readonly Part[] }[] = [
  { engine: 'redis', seed: 1, lastsMs: 10_000, needs: ['redis-server', 'redis-cli', 'root', 'ip', 'iptables', 'nsenter'] },
  { engine: 'redis-everysec', seed: 5, lastsMs: 8_000, needs: ['redis-server', 'redis-cli', 'root', 'ip', 'iptables', 'nsenter'] },
  { engine: 'redis-sentinel', seed: 1, lastsMs: 10_000, needs: ['redis-server', 'redis-cli', 'root', 'ip', 'iptables', 'nsenter'] },
  { engine: 'etcd', seed: 1, lastsMs: 10_000, needs: ['etcd', 'etcdctl', 'root', 'ip', 'iptables', 'nsenter'] },
  { engine: 'sqlite', seed: 1, lastsMs: 10_000, needs: ['root'] },
];

describe.each(RUNS)('$engine under faults (seed $seed)', ({ engine, seed, lastsMs, needs }) => {
  const parts = requireParts(...needs);

  it.skipIf(parts.missing)(`keeps its promises${parts.note}`, async () => {
    const log: string[] = [];
    const result = await runChaos({ engine, seed, lastsMs, longestMs: 2_000, clock: systemClock, log: (line) => log.push(line) });
    expect(result.violations, log.join('\n')).toEqual([]);
    expect(result.acknowledged).toBeGreaterThan(30);
    expect(result.faults).toBeGreaterThan(0);
    expect(result.watchEvents).toBeGreaterThan(result.acknowledged);
    expect(result.undecided).toBe(0);
    if (!result.mayLose) expect(result).toMatchObject({ lostAcknowledged: 0, declaredLosses: 0 });
    if (result.lostAcknowledged > 0) expect(result.declaredLosses).toBeGreaterThan(0);
  });
});
