import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ApiError } from './api-error.js';
import { decodeObject } from './decode.js';
import { ConfigMap } from './kinds/configmap.js';
import { Deployment } from './kinds/deployment.js';
import { Pod } from './kinds/pod.js';

const podWith = (container: unknown): unknown => ({ metadata: { name: 'a' }, spec: { containers: [container] } });

describe('decodeObject', () => {
  it('drops nulls and zero values, keeps pointers, fills required fields', () => {
    const { object } = decodeObject(Pod, podWith({ image: null, stdin: false, securityContext: { privileged: false }, resources: {} }));
    expect(object.spec.containers).toEqual([{ name: '', securityContext: { privileged: false } }]);
    expect(decodeObject(Deployment, { spec: { replicas: 0, paused: false } }).object.spec).toEqual({ replicas: 0, template: { spec: { containers: [] } } });
  });

  it('reads null in a map or list of texts as empty, as Go does', () => {
    expect(decodeObject(ConfigMap, { data: { a: null } }).object.data).toEqual({ a: '' });
    expect(decodeObject(Pod, podWith({ name: 'c', args: ['x', null] })).object.spec.containers[0]?.args).toEqual(['x', '']);
  });

  it('makes quantities and times canonical', () => {
    const { object } = decodeObject(Pod, podWith({ name: 'c', resources: { requests: { cpu: 0.5, memory: '1024Mi' } } }));
    expect(object.spec.containers[0]?.resources?.requests).toEqual({ cpu: '500m', memory: '1Gi' });
    const at = decodeObject(Pod, { metadata: { creationTimestamp: '2026-01-02T03:04:05.678+02:00' } }).object.metadata.creationTimestamp;
    expect(at).toBe('2026-01-02T01:04:05Z');
  });

  it('names what it dropped, with the path', () => {
    const { object, unknown } = decodeObject(Pod, { ...(podWith({ name: 'c', imagee: 'x' }) as object), zzz: { a: 1 } });
    expect(unknown).toEqual(['spec.containers[0].imagee', 'zzz']);
    expect(object).not.toHaveProperty('zzz');
  });

  it.each([
    ['text for a number', { spec: { activeDeadlineSeconds: '5' } }, 'spec.activeDeadlineSeconds'],
    ['number for a text', podWith({ name: 1 }), 'spec.containers[0].name'],
    ['object for a list', { spec: { containers: {} } }, 'spec.containers'],
    ['an int32 that overflows', podWith({ name: 'c', ports: [{ containerPort: 2 ** 31 }] }), 'spec.containers[0].ports[0].containerPort'],
    ['a bad quantity', podWith({ name: 'c', resources: { limits: { cpu: 'lots' } } }), 'spec.containers[0].resources.limits.cpu'],
    ['no object at all', 'x', 'Pod'],
  ])('refuses %s and names the field', (_, input, field) => {
    expect(() => decodeObject(Pod, input)).toThrow(field);
    try {
      decodeObject(Pod, input);
    } catch (error) {
      expect(ApiError.is(error, 'BadRequest')).toBe(true);
    }
  });

  it.each(['__proto__', 'constructor', 'prototype'])('refuses the key %s wherever it is', (key) => {
    const evil = JSON.parse(`{"${key}":{"polluted":"x"}}`) as unknown;
    for (const input of [evil, { metadata: { labels: evil } }, { spec: evil }, { unknown: { deep: [evil] } }, { metadata: { managedFields: [{ fieldsV1: evil }] } }]) {
      expect(() => decodeObject(Pod, input)).toThrow('is not allowed');
    }
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('refuses input that is nested without end', () => {
    const deep = JSON.parse(`${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`) as unknown;
    expect(() => decodeObject(Pod, { unknown: deep })).toThrow('nested deeper');
  });

  it('shares nothing with its input', () => {
    const input = podWith({ name: 'c', args: ['x'] }) as { spec: { containers: { args: string[] }[] } };
    const { object } = decodeObject(Pod, input);
    object.spec.containers[0]?.args?.push('y');
    expect(input.spec.containers[0]?.args).toEqual(['x']);
  });

  it('decodes or refuses any JSON, and what it decodes decodes to itself', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (metadata, spec) => {
        let object;
        try {
          ({ object } = decodeObject(Pod, { metadata, spec }));
        } catch (error) {
          return ApiError.is(error, 'BadRequest');
        }
        expect(decodeObject(Pod, object).object).toEqual(object);
        return true;
      }),
    );
  });
});
