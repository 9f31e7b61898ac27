import { memoryStore } from '@orrery/store-memory';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Client, ConfigMap, createOrchestrator, labelMatcher, type Orchestrator, type PatchType } from '../index.js';
import { equalJson } from '../model/json.js';
import { VirtualClock } from '../testing/virtual-clock.js';

// Keys of users may be called like what every JavaScript object has.

let orchestrator: Orchestrator;
let client: Client;
beforeEach(async () => {
  orchestrator = await createOrchestrator({ plugins: [memoryStore()], clock: new VirtualClock() });
  await orchestrator.start();
  client = orchestrator.client;
});
afterEach(() => orchestrator.stop());

const ref = { namespace: 'default', name: 'm' };
const maps = () => client.kind(ConfigMap);
const create = (data: Record<string, string>): Promise<ConfigMap> => maps().create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: ref, data });
const dataNow = async (): Promise<Record<string, string>> => ({ ...(await maps().get(ref)).data });

describe.each(['toString', 'valueOf', 'hasOwnProperty'])('the key %s', (key) => {
  it('comes and goes by updates and patches of every type', async () => {
    const made = await create({});
    const with_ = await maps().update({ ...made, data: { [key]: 'x' } });
    expect(await dataNow()).toEqual({ [key]: 'x' });
    await maps().update({ ...with_, data: {} });
    expect(await dataNow()).toEqual({});
    for (const type of ['merge', 'strategic'] as const satisfies readonly PatchType[]) {
      await maps().patch(ref, type, { data: { [key]: 'y' } });
      expect(await dataNow()).toEqual({ [key]: 'y' });
      await maps().patch(ref, type, { data: { [key]: null } });
      expect(await dataNow()).toEqual({});
    }
  });

  it('is applied, shared and taken back as any other', async () => {
    const apply = (manager: string, data: Record<string, string>): Promise<ConfigMap> => maps().apply({ metadata: ref, data }, { fieldManager: manager });
    await apply('a', { [key]: 'x' });
    expect((await apply('b', { other: '1' })).data).toEqual({ [key]: 'x', other: '1' });
    await expect(apply('b', { [key]: 'y' })).rejects.toMatchObject({ reason: 'Conflict', details: { causes: [{ field: `.data.${key}` }] } });
    expect((await apply('a', {})).data).toEqual({ other: '1' });
    expect((await apply('a', { [key]: 'z' })).data).toEqual({ [key]: 'z', other: '1' });
  });

  it('is no label of what does not have it', () => {
    const matcher = (operator: string, values?: string[]): boolean => labelMatcher({ matchExpressions: [{ key, operator, ...(values && { values }) }] }).matches({});
    expect([matcher('Exists'), matcher('DoesNotExist'), matcher('In', ['x']), matcher('NotIn', ['x'])]).toEqual([false, true, false, true]);
  });

  it('makes a difference', () => {
    expect([equalJson({}, { [key]: 'x' }), equalJson({ [key]: 'x' }, {}), equalJson({ [key]: 'x' }, { [key]: 'x' })]).toEqual([false, false, true]);
  });
});
