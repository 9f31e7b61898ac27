import type { EndpointSlice, Node, Pod, Service } from '@orrery/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Chance, courses, oneOf } from '../test-support/course.js';
import { endure, type ModelWorld, settle, type Write } from '../test-support/endure.js';
import { ModelApi, type ModelCaches } from '../test-support/model-api.js';
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

/** A service whose pods come and go, seen late. */
class ServiceWorld implements ModelWorld {
  readonly api = new ModelApi();
  readonly kinds = ['Service', 'Pod', 'EndpointSlice'];

  constructor(readonly max: number) {
    this.api.create({ ...service });
  }

  look(caches: ModelCaches): readonly Write[] {
    const slices = caches.list<EndpointSlice>('EndpointSlice');
    const { create, update, remove } = planSlices({ service: caches.get<Service>('Service', 's') as Service, pods: caches.list('Pod'), node: () => node, slices, max: this.max });
    for (const { endpoints } of [...create, ...update]) expect(endpoints.length).toBeLessThanOrEqual(this.max);
    const touched = [...update, ...remove].map(({ metadata }) => metadata.name);
    expect(new Set(touched).size).toBe(touched.length);
    const slice = (write: () => boolean): Write => ({ kind: 'EndpointSlice', write });
    return [
      ...create.map((one) => slice(() => this.api.create(one) !== undefined)),
      ...update.map((one) => slice(() => this.api.update(one))),
      ...remove.map((one) => slice(() => this.api.remove(one))),
    ];
  }

  happen(chance: Chance): void {
    const pod = oneOf(chance, this.api.list<Pod>('Pod'));
    const dice = chance(100);
    if (pod === undefined || dice < 40) this.api.create(podOf(1 + chance(20)));
    else if (dice < 60) this.api.remove(pod);
    else if (dice < 80) this.api.change(pod, (present) => ({ ...present, status: { ...present.status, conditions: [{ type: 'Ready', status: chance(2) === 0 ? 'True' : 'False' }] } }));
    else if (dice < 90) this.api.change(this.api.get<Service>('Service', 's') as Service, (present) => ({ ...present, spec: { ...present.spec, ports: [{ port: 80 + chance(3), protocol: 'TCP' }] } }));
    else this.api.change(this.api.get<Service>('Service', 's') as Service, (present) => ({ ...present, metadata: { ...present.metadata, labels: { tier: `${chance(3)}` } } }));
  }

  others(): void {
    // Nobody else has anything to do here.
  }

  checkRest(): void {
    const slices = this.api.list<EndpointSlice>('EndpointSlice');
    const pods = this.api.list<Pod>('Pod');
    const found = slices.flatMap(({ endpoints }) => endpoints.map(({ addresses, conditions }) => [addresses[0], conditions?.ready]));
    const wanted = pods.map(({ status }) => [status?.podIP, status?.conditions?.[0]?.status === 'True']);
    expect(found.sort()).toEqual(wanted.sort());
    const { spec, metadata } = this.api.get<Service>('Service', 's') as Service;
    for (const slice of slices) {
      if (slice.endpoints.length > 0) expect(slice.ports.map(({ port }) => port)).toEqual(spec.ports?.map(({ port }) => port));
      expect(slice.metadata.labels?.['tier']).toBe(metadata.labels?.['tier']);
    }
  }
}

describe('the slices of a service whose changes are seen late', () => {
  it('hold each endpoint once in the end, and then nothing is planned, wherever the process died', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), courses, (max, course) => {
        const world = new ServiceWorld(max);
        endure(world, course, { staleStarts: true });
        settle(world);
        world.checkRest();
      }),
      { numRuns: 200 },
    );
  });
});
