import { ApiError } from '@orrery/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { objectOfProtobuf } from './decode.js';
import { messageOf } from './messages.js';

const DEPTH = 200;

/** Bytes of a message, field by field: a number is a varint, text and bytes have their length before them. */
const message = (...fields: readonly (readonly [number: number, value: bigint | number | string | Uint8Array])[]): Buffer =>
  Buffer.concat(
    fields.map(([number, value]) => {
      if (typeof value === 'number' || typeof value === 'bigint') return Buffer.concat([varint(number * 8), varint(BigInt.asUintN(64, BigInt(value)))]);
      const bytes = Buffer.from(value);
      return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
    }),
  );

function varint(value: bigint | number): Buffer {
  const bytes: number[] = [];
  let left = BigInt(value);
  do {
    bytes.push(Number(left & 0x7fn) | (left > 0x7fn ? 0x80 : 0));
    left >>= 7n;
  } while (left > 0n);
  return Buffer.from(bytes);
}

const body = (apiVersion: string, kind: string, raw: Uint8Array): Buffer => Buffer.concat([Buffer.from('k8s\0'), message([1, message([1, apiVersion], [2, kind])], [2, raw], [3, ''], [4, ''])]);
const decoded = (apiVersion: string, kind: string, raw: Uint8Array): unknown => objectOfProtobuf(body(apiVersion, kind, raw), DEPTH);
const refusal = (bytes: Uint8Array): string => {
  try {
    objectOfProtobuf(bytes, DEPTH);
  } catch (error) {
    if (ApiError.is(error, 'BadRequest')) return error.message;
    throw error;
  }
  return 'nothing was refused';
};

describe('bodies in protobuf', () => {
  it('are read as kubectl sends them', () => {
    // `kubectl create namespace rec2`, as it was recorded.
    const recorded = '6b387300' + '0a0f0a02763112094e616d657370616365' + '121c' + '0a14' + '0a0472656332' + '1200' + '1a00' + '2200' + '2a00' + '3200' + '3800' + '4200' + '1200' + '1a020a00' + '1a002200';
    expect(objectOfProtobuf(Buffer.from(recorded, 'hex'), DEPTH)).toEqual({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'rec2' }, spec: {}, status: {} });
  });

  it('keep pointers to zero, and leave out zeros that mean nothing', () => {
    const spec = message([1, 0], [2, message()], [5, 0], [7, 1]);
    expect(decoded('apps/v1', 'Deployment', message([1, message([1, 'd'], [7, 0])], [2, spec]))).toEqual({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' }, spec: { replicas: 0, selector: {}, paused: true } });
  });

  it('have the forms of JSON: quantities, ports by name, times, bytes, maps, unions and what is inline', () => {
    const port = message([1, 1], [3, 'web']);
    const container = message([1, 'c'], [3, '/bin/x'], [3, ''], [8, message([1, message([1, 'cpu'], [2, message([1, '500m'])])])], [10, message([1, message([2, message([2, port])])])]);
    const volume = message([1, 'v'], [2, message([6, message([1, 's'], [4, 0])])]);
    const pod = message([1, message([1, 'p'], [8, message([1, 1_767_225_600])], [11, message([1, 'app'], [2, 'x'])])], [2, message([2, container], [1, volume])]);
    expect(decoded('v1', 'Pod', pod)).toEqual({
      apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', creationTimestamp: '2026-01-01T00:00:00Z', labels: { app: 'x' } },
      spec: {
        containers: [{ name: 'c', command: ['/bin/x', ''], resources: { limits: { cpu: '500m' } }, livenessProbe: { httpGet: { port: 'web' } } }],
        volumes: [{ name: 'v', secret: { secretName: 's', optional: false } }],
      },
    });
    expect(decoded('v1', 'Secret', message([2, message([1, 'k'], [2, Buffer.from([0, 255])])], [3, 'Opaque']))).toEqual({ apiVersion: 'v1', kind: 'Secret', data: { k: 'AP8=' }, type: 'Opaque' });
    const lease = message([2, message([1, 'me'], [2, 15], [4, message([1, 1_767_225_600], [2, 123_456_789])])]);
    expect(decoded('coordination.k8s.io/v1', 'Lease', lease)).toMatchObject({ spec: { holderIdentity: 'me', leaseDurationSeconds: 15, renewTime: '2026-01-01T00:00:00.123456Z' } });
    const review = message([2, message([1, message([1, 'ns'], [2, 'get'], [5, 'pods'])], [3, 'anna'], [5, message([1, 'scopes'], [2, message([1, 'a'], [1, 'b'])])])]);
    expect(decoded('authorization.k8s.io/v1', 'SubjectAccessReview', review)).toMatchObject({ spec: { resourceAttributes: { namespace: 'ns', verb: 'get', resource: 'pods' }, user: 'anna', extra: { scopes: ['a', 'b'] } } });
    const budget = message([2, message([1, message([2, 1])], [3, message([1, 1], [3, '50%'])])]);
    expect(decoded('policy/v1', 'PodDisruptionBudget', budget)).toMatchObject({ spec: { minAvailable: 1, maxUnavailable: '50%' } });
    expect(decoded('policy/v1', 'DeleteOptions', message([1, 0], [4, 'Background']))).toEqual({ apiVersion: 'policy/v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, propagationPolicy: 'Background' });
  });

  it('hold schemas of any sort', () => {
    const text = message([5, 'string']);
    const schema = message(
      [5, 'object'],
      [8, message([1, '{"a":[1]}'])],
      [9, Buffer.alloc(0)],
      [29, message([1, 'list'], [2, message([24, message([1, text])])])],
      [29, message([1, 'free'], [2, message([30, message([1, 1])], [38, 1])])],
      [29, message([1, 'map'], [2, message([30, message([1, 1], [2, text])])])],
    );
    const definition = (fields: Uint8Array): Buffer => message([2, message([1, 'example.com'], [7, message([1, 'v1'], [4, message([1, fields])])])]);
    expect(refusal(body('apiextensions.k8s.io/v1', 'CustomResourceDefinition', definition(schema)))).toContain('eight bytes');
    const maximum = Buffer.concat([varint(9 * 8 + 1), Buffer.from(new Float64Array([2.5]).buffer)]);
    const sound = Buffer.concat([maximum, message([8, message([1, '{"a":[1]}'])], [29, message([1, 'list'], [2, message([24, message([1, text])])])], [29, message([1, 'map'], [2, message([30, message([1, 1], [2, text])])])])]);
    expect(decoded('apiextensions.k8s.io/v1', 'CustomResourceDefinition', definition(sound))).toMatchObject({
      spec: { group: 'example.com', versions: [{ name: 'v1', schema: { openAPIV3Schema: { maximum: 2.5, default: { a: [1] }, properties: { list: { items: { type: 'string' } }, map: { additionalProperties: { type: 'string' } } } } } }] },
    });
  });

  it('are refused, and never more, when they are broken', () => {
    const sound = body('v1', 'ConfigMap', message([1, message([1, 'm'])], [2, message([1, 'a'], [2, 'b'])]));
    for (let length = 0; length < sound.length; length += 1) {
      const cut = refusal(sound.subarray(0, length));
      expect(cut === 'nothing was refused' || cut.length > 0).toBe(true);
    }
    expect(refusal(Buffer.from('{"kind":"Pod"}'))).toContain('prefix');
    expect(refusal(body('v1', 'Podd', message()))).toContain('no kind "Podd" is registered for version "v1"');
    expect(refusal(body('v1', 'ConfigMap', message([2, message([1, '__proto__'], [2, 'x'])])))).toContain('not allowed');
    expect(refusal(body('v1', 'ConfigMap', message([1, message([1, Buffer.from([0xff])])])))).toContain('UTF-8');
    expect(refusal(body('v1', 'ConfigMap', message([1, 5])))).toContain('protobuf');
    let deep = message([5, 'string']);
    for (let i = 0; i < 300; i += 1) deep = message([28, deep]);
    expect(refusal(body('apiextensions.k8s.io/v1', 'CustomResourceDefinition', message([2, message([7, message([4, message([1, deep])])])])))).toContain('too deep');
    fc.assert(
      fc.property(fc.constantFrom('Pod', 'Node', 'Service'), fc.uint8Array({ maxLength: 200 }), fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }), (kind, raw, changes) => {
        refusal(body('v1', kind, raw));
        const damaged = Buffer.from(sound);
        for (const [at, byte] of changes) damaged[at % damaged.length] = byte;
        refusal(damaged);
      }),
      { numRuns: 500 },
    );
  });

  it('have only messages that there are', () => {
    const [queue, seen] = [['core.Pod', 'core.Node', 'core.Service', 'core.PersistentVolume', 'apps.StatefulSet', 'batch.CronJob', 'autoscalingv2.HorizontalPodAutoscaler', 'networking.NetworkPolicy', 'apiextensions.CustomResourceDefinition', 'admissionregistration.ValidatingWebhookConfiguration'], new Set<string>()];
    for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
      if (seen.has(name)) continue;
      seen.add(name);
      const found = messageOf(name);
      if (name.includes('JSONSchemaPropsOr')) continue;
      expect(found, name).toBeDefined();
      for (const { type } of found?.values() ?? []) if (type.includes('.')) queue.push(type);
    }
    expect(seen.size).toBeGreaterThan(250);
  });
});
