import { describe, expect, it } from 'vitest';
import { runCase } from '../suite.js';
import { schedulerPluginCases, schedulerPluginContext, schedulerPluginMutants } from './index.js';

describe('the suite of scheduler plugins', () => {
  it.each(schedulerPluginMutants.map((mutant) => [mutant.name, mutant] as const))('catches a %s', async (_name, { caughtBy, create }) => {
    const one = schedulerPluginCases.find(({ name }) => name === caughtBy);
    if (one === undefined) throw new Error(`There is no case "${caughtBy}".`);
    await expect(runCase(one, () => schedulerPluginContext(create()))).rejects.toThrow();
  });

  it('has a mutant for every case', () => {
    const caught = new Set(schedulerPluginMutants.map(({ caughtBy }) => caughtBy));
    expect(schedulerPluginCases.map(({ name }) => name).filter((name) => !caught.has(name))).toEqual([]);
  });
});
