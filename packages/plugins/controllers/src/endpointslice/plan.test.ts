import type { EndpointSlice, Node, Pod, Service } from '@orrery/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { make } from '../test-support/world.js';
import { planSlices } from './plan.js';

const service = make<Service>({ apiVersion: 'v1', kind: 'Service', metadata: { name: 's', namespace: 'default', uid: 'u' }, spec: { clusterIP: '10.0.0.1', ipFamilies: ['IPv4'], ports: [{ port: 80, protocol: 'TCP' }] } });
const node = make<Node>({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' }, spec: {} });
const podOf = (id: number): Pod =>
  make({ apiVersion: 'v1', kind: 'Pod', metadata: { name: `p${id}`, namespace: 'default', uid: `u${id}` }, spec: { nodeName: 'n', containers: [] }, status: { podIP: `10.1.0.${id}`, podIPs: [{ ip: `10.1.0.${id}` }], conditions: [{ type: 'Ready', status: 'True' }] } });

describe('the slices of a service', () => {
  it('hold each endpoint once, are never too full, and are not written again when nothing changed', () => {
    fc.assert(
      fc.property(fc.array(fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: 40 }), { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 10 }), (phases, max) => {
        let slices: readonly EndpointSlice[] = [];
        let made = 0;
        for (const ids of phases) {
          const view = { service, pods: ids.map(podOf), node: () => node, max };
          const { create, update, remove } = planSlices({ ...view, slices });
          const gone = new Set([...update, ...remove].map(({ metadata }) => metadata.name));
          slices = [...slices.filter(({ metadata }) => !gone.has(metadata.name)), ...update, ...create.map((slice) => ({ ...slice, metadata: { ...slice.metadata, name: `s${made++}` } }))];
          const addresses = slices.flatMap(({ endpoints }) => endpoints.flatMap((endpoint) => endpoint.addresses));
          expect(addresses.sort()).toEqual(ids.map((id) => `10.1.0.${id}`).sort());
          for (const { endpoints } of slices) expect(endpoints.length).toBeLessThanOrEqual(max);
          expect(slices.length).toBeGreaterThan(0);
          const again = planSlices({ ...view, slices });
          expect([again.create.length, again.update.length, again.remove.length]).toEqual([0, 0, 0]);
        }
      }),
    );
  });
});
