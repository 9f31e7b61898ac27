import type { Container } from '@orrery/core';
import { VirtualClock } from '@orrery/core/testing';
import { describe, expect, it } from 'vitest';
import { podOf } from '../test/build.js';
import { ContainerProbes } from './container-probes.js';
import { countProbe, type ProbeCount } from './probe-loop.js';
import { portOf } from './prober.js';

describe('counting answers', () => {
  const counted = (answers: string, probe: object, verdict?: 'passing' | 'failing') =>
    [...answers].reduce((count, answer) => countProbe(count, answer === '+', probe), { run: 0, ok: false, verdict } as ProbeCount).verdict;
  it.each([
    ['--', {}, undefined, undefined], ['---', {}, undefined, 'failing'], ['+', {}, undefined, 'passing'], ['+--', {}, undefined, 'passing'], ['--+--', {}, undefined, 'passing'],
    ['+', { successThreshold: 2 }, 'failing', 'failing'], ['++', { successThreshold: 2 }, 'failing', 'passing'], ['+-+', { successThreshold: 2, failureThreshold: 9 }, 'failing', 'failing'],
    ['-', { failureThreshold: 1 }, 'passing', 'failing'],
  ] as const)('%s with %j after %s: %s', (answers, probe, before, expected) => {
    expect(counted(answers, probe, before)).toBe(expected);
  });
});

describe('the probes of a container', () => {
  const make = (container: object, answer: (kind: string, now: number) => boolean, before?: object) => {
    const clock = new VirtualClock();
    const asked: [string, number][] = [];
    const probes = new ContainerProbes({
      container: { name: 'main', ...container } as Container, clock, startedAt: 0, before: before as never,
      target: () => ({ pod: podOf({}), container: { name: 'main' } as Container, containerId: 'c', podIP: '' }),
      prober: { probe: async (_target, _handler, kind) => (asked.push([kind, clock.monotonic()]), { ok: answer(kind, clock.monotonic()), message: 'no' }) },
      changed: () => {}, failed: () => {},
    });
    return { clock, probes, asked };
  };
  const period = (periodSeconds: number, more: object = {}) => ({ exec: {}, periodSeconds, ...more });

  it('asks the others at once when the startup probe has passed, and not before', async () => {
    const { clock, probes, asked } = make({ startupProbe: period(2), readinessProbe: period(10), livenessProbe: period(10, { initialDelaySeconds: 7 }) }, (kind, now) => kind !== 'startup' || now >= 4_000);
    await clock.advance(8_000);
    expect(asked).toEqual([['startup', 0], ['startup', 2_000], ['startup', 4_000], ['readiness', 4_000], ['liveness', 7_000]]);
    expect(probes.health).toEqual({ started: true, ready: true });
    await probes.stop();
    expect(clock.pending).toBe(0);
  });

  it('gives up on a container that fails its liveness probe, and asks no more', async () => {
    const { clock, probes, asked } = make({ livenessProbe: period(5, { failureThreshold: 2, terminationGracePeriodSeconds: 3 }) }, () => false);
    await clock.advance(60_000);
    expect(asked).toHaveLength(2);
    expect(probes.health).toEqual({ started: true, ready: true, unhealthy: 'Container main failed liveness probe, will be restarted', graceSeconds: 3 });
    await probes.stop();
  });

  it('an adopted container stays ready until it has failed often enough', async () => {
    const { clock, probes } = make({ startupProbe: period(1), readinessProbe: period(10) }, () => false, { started: true, ready: true });
    expect(probes.health).toEqual({ started: true, ready: true });
    await clock.advance(15_000);
    expect(probes.health.ready).toBe(true);
    await clock.advance(10_000);
    expect(probes.health.ready).toBe(false);
    await probes.stop();
  });
});

describe('ports of probes', () => {
  const container = { name: 'main', ports: [{ name: 'web', containerPort: 8080 }] } as Container;
  it('are numbers or names', () => {
    expect([portOf(container, 'web'), portOf(container, '81'), portOf(container, 82)]).toEqual([8080, 81, 82]);
    for (const port of ['none', '0', '70000', '1.5']) expect(() => portOf(container, port)).toThrow(/the container has no port/);
  });
});
