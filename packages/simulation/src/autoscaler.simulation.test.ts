import type { Controller, KubeObject } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import { SHAPES } from './autoscaling/load.js';
import { simulateAutoscaler } from './simulate-autoscaler.js';
import { meddled, type Meddle } from './test/meddling.js';

describe('an autoscaler for an hour of virtual time', () => {
  for (const shape of SHAPES) {
    it(`follows a ${shape} without flapping`, async () => {
      const { violations, history } = await simulateAutoscaler({ seed: 1, shape });
      expect(violations).toEqual([]);
      if (shape !== 'noise') expect(history.length).toBeGreaterThan(2);
    });
  }
});

describe('it is noticed that an autoscaler', () => {
  const sabotaged = async (meddle: Meddle, says: RegExp): Promise<void> => {
    const meddleAll = (controllers: readonly Controller[]): readonly Controller[] => controllers.map((one) => (one.name === 'horizontal-pod-autoscaler' ? meddled(one, meddle) : one));
    const said: string[] = [];
    for (const shape of SHAPES) {
      const { violations } = await simulateAutoscaler({ seed: 3, shape, sabotage: { meddle: meddleAll } });
      if (violations.some((violation) => says.test(violation))) return;
      said.push(...violations);
    }
    expect.fail(`not noticed: ${said.slice(0, 5).join('\n')}`);
  };

  it('swings', () => sabotaged((plural, verbs) => (plural !== 'deployments' ? {} : { scale: (ref, replicas) => verbs.scale(ref, replicas % 2 === 0 ? replicas : replicas + 3) }), /flapped|turned|never wanted more/));

  it('does nothing', () => sabotaged((plural) => (plural !== 'deployments' ? {} : { scale: async () => ({ kind: 'Scale', apiVersion: 'autoscaling/v1', metadata: {} }) as KubeObject as never }), /wanted \d+ at least/));

  it('takes two away each time', () =>
    sabotaged((plural, verbs) => (plural !== 'deployments' ? {} : { scale: async (ref, replicas) => verbs.scale(ref, Math.max(1, replicas - 2)) }), /flapped|turned|wanted \d+ at least/));
});
