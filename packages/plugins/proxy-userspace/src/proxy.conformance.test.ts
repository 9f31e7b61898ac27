import { proxyCases, proxyConformance, proxyMutants, RelayFarm, runCase } from '@orrery/core/testing';
import { describe, expect, it } from 'vitest';
import { proxyContext } from './test/context.js';

proxyConformance({ describe, it }, 'userspace', proxyContext);

describe('the proxy suite catches', () => {
  for (const mutant of proxyMutants) {
    it(`a proxy that ${mutant.name}`, async () => {
      const found = proxyCases.find(({ name }) => name === mutant.caughtBy);
      if (found === undefined) throw new Error(`there is no case "${mutant.caughtBy}"`);
      const broken = async () => {
        const context = await proxyContext();
        const farm = new RelayFarm();
        const cleanup = async (): Promise<void> => {
          await context.cleanup();
          farm.close();
        };
        return { ...context, proxy: mutant.wrap(context.proxy, farm), cleanup };
      };
      await expect(runCase(found, broken)).rejects.toThrow();
    });
  }
});
