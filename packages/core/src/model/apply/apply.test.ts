import { describe, expect, it } from 'vitest';
import { Pod } from '../kinds/pod.js';
import { applyConfiguration, type FieldWriter } from './index.js';
import type { Json } from './typed.js';

const writer: FieldWriter & { readonly force: boolean } = { manager: 'm', time: '2026-01-01T00:00:00Z', force: false };
const podWith = (names: readonly string[]): Json => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'default' },
  spec: { containers: [{ name: 'c', image: 'i', env: names.map((name) => ({ name, value: 'x' })) }] },
});
const envOf = (object: unknown): readonly { readonly name: string }[] => (object as Pod).spec.containers[0]?.env ?? [];

describe('applyConfiguration', () => {
  it('takes time as a list is long, not as its square: twenty thousand items', () => {
    const names = Array.from({ length: 20_000 }, (_, i) => `v${i}`);
    const made = applyConfiguration(Pod, undefined, podWith(names), writer) as unknown as Pod;
    const reversed = applyConfiguration(Pod, made, podWith(names.toReversed()), writer);
    expect(envOf(reversed)).toHaveLength(names.length);
    expect(envOf(reversed)[0]?.name).toBe(names.at(-1));
  }, 10_000);

  it('refuses items that cannot be told apart, by the first that comes again', () => {
    const twice = { reason: 'BadRequest', message: expect.stringContaining('duplicate entries for key {"name":"b"}') as string };
    expect(() => applyConfiguration(Pod, undefined, podWith(['a', 'b', 'c', 'b', 'a']), writer)).toThrow(expect.objectContaining(twice) as Error);
  });
});
