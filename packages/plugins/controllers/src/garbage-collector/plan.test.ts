import { equalJson, type KindDefinition, type KubeObject, type OwnerReference, type PropagationPolicy } from '@orrery/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Chance, courses, oneOf } from '../test-support/course.js';
import { endure, type ModelWorld, settle, type Write } from '../test-support/endure.js';
import { ModelApi, type ModelCaches } from '../test-support/model-api.js';
import { make } from '../test-support/world.js';
import { awaitsDependents, awaitsOrphaning, FOREGROUND, type Item, ORPHAN, type Owner } from './graph.js';
import { planCollect } from './plan.js';

const KINDS = ['Map', 'Secret'];
/** What no controller of this world works off. */
const HELD = 'example.com/held';
const FINALIZER: Readonly<Record<PropagationPolicy, string | undefined>> = { Foreground: FOREGROUND, Orphan: ORPHAN, Background: undefined };
const refsOf = ({ metadata }: KubeObject): readonly OwnerReference[] => metadata.ownerReferences ?? [];
const itemOf = (object: KubeObject): Item => ({ kind: { kind: object.kind } as KindDefinition, object });
const referenceTo = ({ kind, metadata: { name = '', uid = '' } }: KubeObject, blockOwnerDeletion: boolean): OwnerReference => ({ apiVersion: 'v1', kind, name, uid, blockOwnerDeletion });

/** Objects of two kinds, whose caches lag each in its own way, that own each other. */
class OwnersWorld implements ModelWorld {
  readonly api = new ModelApi();
  readonly kinds = KINDS;
  /** The uids of those that waited for their dependents once: they go, whoever else holds them. */
  readonly #going = new Set<string>();

  get objects(): readonly KubeObject[] {
    return KINDS.flatMap((kind) => this.api.list(kind));
  }

  look(caches: ModelCaches): readonly Write[] {
    return KINDS.flatMap((kind) => caches.list(kind)).flatMap((object) => this.#lookAt(object, caches));
  }

  #lookAt(object: KubeObject, caches: ModelCaches): readonly Write[] {
    const seen = KINDS.flatMap((kind) => caches.list(kind));
    const owner = (reference: OwnerReference): Owner => {
      if (!KINDS.includes(reference.kind)) return 'unknown kind';
      const found = caches.get(reference.kind, reference.name);
      if (found?.metadata.uid === reference.uid) return itemOf(found);
      // The server's word counts.
      return this.#isThere(reference) ? 'unknown kind' : 'absent';
    };
    const plan = planCollect({ item: itemOf(object), owner, dependents: seen.filter((one) => refsOf(one).some(({ uid }) => uid === object.metadata.uid)).map(itemOf) });
    const writes = (...acts: readonly (() => boolean)[]): readonly Write[] => acts.map((write) => ({ kind: object.kind, write }));
    switch (plan.action) {
      case 'nothing':
      case 'wait':
        return [];
      case 'release':
        return writes(() => this.#release(object, plan.uids));
      case 'orphan':
        return plan.dependents.map((dependent) => ({ kind: dependent.object.kind, write: () => this.#release(dependent.object, [object.metadata.uid ?? '']) }));
      case 'drop finalizer':
        return writes(() => this.api.update({ ...object, metadata: { ...object.metadata, finalizers: (object.metadata.finalizers ?? []).filter((name) => name !== plan.finalizer) } }));
      case 'delete':
        return writes(() => this.#delete(object, plan.policy, plan.unblock));
    }
  }

  #isThere(reference: OwnerReference): boolean {
    return this.api.get(reference.kind, reference.name)?.metadata.uid === reference.uid;
  }

  #release(object: KubeObject, uids: readonly string[]): boolean {
    return this.api.update({ ...object, metadata: { ...object.metadata, ownerReferences: refsOf(object).filter(({ uid }) => !uids.includes(uid)) } });
  }

  #delete(object: KubeObject, policy: PropagationPolicy, unblock: boolean): boolean {
    let current: KubeObject | undefined = object;
    if (unblock) {
      const ownerReferences = refsOf(object).map((reference) => ({ ...reference, blockOwnerDeletion: false }));
      if (!this.api.update({ ...object, metadata: { ...object.metadata, ownerReferences } })) return false;
      current = this.api.get(object.kind, object.metadata.name ?? '');
    }
    if (current === undefined) return true;
    const before = this.api.get(object.kind, object.metadata.name ?? '');
    // What was written without touching its owners does not save it.
    const version = equalJson(before?.metadata.ownerReferences, current.metadata.ownerReferences) ? before?.metadata.resourceVersion : current.metadata.resourceVersion;
    if (!this.api.remove(current, { finalizer: FINALIZER[policy], version })) return false;
    // By then nobody who stays owned it.
    if (before?.metadata.uid === object.metadata.uid) expect(refsOf(before as KubeObject).filter((reference) => this.#stays(reference))).toEqual([]);
    return true;
  }

  #stays(reference: OwnerReference): boolean {
    if (!KINDS.includes(reference.kind)) return true;
    const owner = this.api.get(reference.kind, reference.name);
    return owner?.metadata.uid === reference.uid && !this.#going.has(reference.uid);
  }

  always(): void {
    for (const object of this.objects) if (awaitsDependents(object)) this.#going.add(object.metadata.uid ?? '');
  }

  happen(chance: Chance): void {
    const object = oneOf(chance, this.objects);
    const other = oneOf(chance, this.objects);
    const dice = chance(100);
    const blocks = chance(2) === 0;
    if (object === undefined || dice < 30) {
      const ownerReferences = [object, other].filter((one) => one !== undefined).slice(chance(3)).map((one) => referenceTo(one, blocks));
      this.api.create(make({ apiVersion: 'v1', kind: oneOf(chance, KINDS) ?? '', metadata: { name: `o${chance(12)}`, ownerReferences: chance(12) === 0 ? [{ apiVersion: 'example.com/v1', kind: 'Unknown', name: 'x', uid: 'x' }] : ownerReferences, ...(chance(6) === 0 && { finalizers: [HELD] }) } }));
    } else if (dice < 45 && other !== undefined) {
      // Adopted by one more: in circles, too, and what lost its owner just now.
      const lost = this.objects.filter((one) => refsOf(one).some((reference) => !this.#isThere(reference)));
      this.api.change(oneOf(chance, lost) ?? object, (present) => ({ ...present, metadata: { ...present.metadata, ownerReferences: [...refsOf(present).filter(({ uid }) => uid !== other.metadata.uid), referenceTo(other, blocks)] } }));
    } else if (dice < 52) this.api.change(object, (present) => ({ ...present, metadata: { ...present.metadata, ownerReferences: refsOf(present).slice(1) } }));
    else if (dice < 60) this.api.change(object, unheld);
    else this.api.remove(object, { finalizer: oneOf(chance, Object.values(FINALIZER)) });
  }

  others(): void {
    for (const object of this.objects) if ((object.metadata.finalizers ?? []).includes(HELD)) this.api.change(object, unheld);
  }

  checkRest(): void {
    for (const object of this.objects) {
      expect(awaitsOrphaning(object)).toBe(false);
      // Those that users themselves asked to go in a circle wait for each other for ever, in Kubernetes, too.
      if (awaitsDependents(object)) expect(this.objects.some((one) => awaitsDependents(one) && refsOf(one).some(({ uid, blockOwnerDeletion }) => uid === object.metadata.uid && blockOwnerDeletion === true))).toBe(true);
      const references = refsOf(object).filter(({ kind }) => KINDS.includes(kind));
      if (object.metadata.deletionTimestamp === undefined) expect(references.every((reference) => this.#isThere(reference))).toBe(true);
    }
  }
}

const unheld = (object: KubeObject): KubeObject => ({ ...object, metadata: { ...object.metadata, finalizers: (object.metadata.finalizers ?? []).filter((name) => name !== HELD) } });

describe('the plans of the garbage collector', () => {
  it('never delete what somebody who stays owns, however late the caches are; in the end nothing is left of what is gone', () => {
    fc.assert(
      fc.property(courses, (course) => {
        const world = new OwnersWorld();
        endure(world, course, { staleStarts: true });
        settle(world);
        world.checkRest();
      }),
      { numRuns: 1000 },
    );
  });

  it('let go of dependents before an owner that asked for that, and never delete them', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), courses, (count, course) => {
        const world = new OwnersWorld();
        const owner = world.api.create<KubeObject>(make({ apiVersion: 'v1', kind: 'Map', metadata: { name: 'owner' } })) as KubeObject;
        for (let i = 0; i < count; i += 1) world.api.create(make({ apiVersion: 'v1', kind: KINDS[i % 2], metadata: { name: `d${i}`, ownerReferences: [referenceTo(owner, true)] } }));
        world.api.remove(owner, { finalizer: ORPHAN });
        // Nothing happens but what the collector does itself.
        endure(world, course.filter(([what]) => what < 4 || what > 7), { staleStarts: false });
        settle(world);
        expect(world.objects.map(({ metadata }) => [metadata.name, metadata.ownerReferences])).toEqual(expect.arrayContaining(Array.from({ length: count }, (_, i) => [`d${i}`, []])));
        expect(world.objects).toHaveLength(count);
      }),
    );
  });

  it('gets out of a circle in which one was asked to go after its dependents', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 5 }), courses, (count, course) => {
        const world = new OwnersWorld();
        const circle = Array.from({ length: count }, (_, i) => world.api.create<KubeObject>(make({ apiVersion: 'v1', kind: KINDS[i % 2], metadata: { name: `c${i}` } })) as KubeObject);
        circle.forEach((object, i) => world.api.change(object, (present) => ({ ...present, metadata: { ...present.metadata, ownerReferences: [referenceTo(circle[(i + 1) % count] as KubeObject, true)] } })));
        world.api.remove(circle[0] as KubeObject, { finalizer: FOREGROUND });
        world.always();
        endure(world, course.filter(([what]) => what < 4 || what > 7), { staleStarts: false });
        settle(world);
        expect(world.objects).toEqual([]);
      }),
    );
  });
});
