import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Identity } from './labels.js';
import { LABEL, decodeLabels, encodeLabels } from './labels.js';
import { containerName, engineName, isEngineId, sandboxName } from './names.js';

const pod = fc.record({ namespace: fc.string(), name: fc.string(), uid: fc.string() });
const map = fc.dictionary(fc.string().filter((key) => key !== '__proto__'), fc.string(), { noNullPrototype: true });
const kept = { pod, attempt: fc.nat(), labels: map, annotations: map };
const identity: fc.Arbitrary<Identity> = fc.oneof(
  fc.record({ kind: fc.constant('sandbox' as const), ...kept, sharing: fc.record({ network: fc.constantFrom('pod' as const, 'host' as const), pid: fc.constantFrom('container' as const, 'pod' as const, 'host' as const), ipc: fc.constantFrom('pod' as const, 'host' as const) }) }),
  fc.record({ kind: fc.constant('container' as const), ...kept, name: fc.string(), sandboxId: fc.string(), image: fc.string() }),
);

describe('labels', () => {
  it('give back what went in, and nothing to another owner', () => {
    fc.assert(fc.property(identity, (given) => {
      const labels = encodeLabels('me', given);
      expect(decodeLabels('me', labels)).toEqual(given);
      expect(decodeLabels('you', labels)).toBeUndefined();
      // What the image brings along changes nothing.
      expect(decodeLabels('me', { maintainer: 'somebody', ...labels })).toEqual(given);
    }));
  });

  it('a pod cannot write the runtime\'s own', () => {
    const given: Identity = { kind: 'container', pod: { namespace: 'a', name: 'b', uid: 'c' }, attempt: 0, name: 'd', sandboxId: 'e', image: 'f', labels: { [LABEL.owner]: 'evil', [LABEL.uid]: 'evil', app: 'web' }, annotations: {} };
    const labels = encodeLabels('me', given);
    expect([labels[LABEL.owner], labels[LABEL.uid], labels['app']]).toEqual(['me', 'c', 'web']);
    expect(decodeLabels('me', labels)).toEqual(given);
  });

  it('what is not whole is not ours', () => {
    const labels = encodeLabels('me', { kind: 'sandbox', pod: { namespace: 'a', name: 'b', uid: 'c' }, attempt: 0, sharing: { network: 'pod', pid: 'container', ipc: 'pod' }, labels: {}, annotations: {} });
    expect(decodeLabels('me', labels)).toBeDefined();
    for (const broken of [{ [LABEL.attempt]: '-1' }, { [LABEL.labels]: '[]' }, { [LABEL.annotations]: '{"a":1}' }, { [LABEL.sharing]: '{}' }, { [LABEL.kind]: 'else' }, { [LABEL.labels]: 'null' }, { [LABEL.labels]: '{' }]) {
      expect(decodeLabels('me', { ...labels, ...broken })).toBeUndefined();
    }
    expect(decodeLabels('me', null)).toBeUndefined();
  });
});

describe('names', () => {
  it('are safe, bounded, always the same, and different for what is different', () => {
    const parts = fc.array(fc.string({ maxLength: 300 }), { minLength: 1, maxLength: 6 });
    fc.assert(fc.property(parts, parts, (one, two) => {
      expect(engineName(...one)).toMatch(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,199}$/);
      expect(engineName(...one)).toBe(engineName(...one));
      if (JSON.stringify(one) !== JSON.stringify(two)) expect(engineName(...one)).not.toBe(engineName(...two));
    }));
  });

  it('say what they are of', () => {
    expect(sandboxName('shop', { namespace: 'default', name: 'web-0', uid: '11-22' }, 3)).toBe('orrery_shop_POD_web-0_default_11-22_3');
    expect(containerName('shop', 'main', { namespace: 'default', name: 'web-0' }, 'a'.repeat(64), 1)).toBe('orrery_shop_main_web-0_default_aaaaaaaaaaaa_1');
  });

  it('only ids of the engine go into paths', () => {
    expect(isEngineId('a'.repeat(64))).toBe(true);
    for (const id of ['', '../../etc', 'A'.repeat(64), 'a'.repeat(63), `${'a'.repeat(64)}/x`, `${'a'.repeat(64)}\n`]) expect(isEngineId(id)).toBe(false);
  });
});
