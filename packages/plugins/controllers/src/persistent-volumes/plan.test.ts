import { isVolumeFor, type PersistentVolume, type PersistentVolumeClaim, type StorageClass, value } from '@orrery/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Chance, courses, oneOf } from '../test-support/course.js';
import { endure, type ModelWorld, settle, type Write } from '../test-support/endure.js';
import { ModelApi, type ModelCaches } from '../test-support/model-api.js';
import { make } from '../test-support/world.js';
import { findVolume } from './match.js';
import { STORAGE } from './names.js';
import { type ClaimStep, planClaimStep, planVolumeStep } from './plan.js';

const CLASS: StorageClass = make({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: 'slow', annotations: { [STORAGE.defaultClass]: 'true' } }, provisioner: STORAGE.noProvisioner, volumeBindingMode: 'Immediate' });
const sizeOf = (volume: PersistentVolume): number => value(volume.spec.capacity?.['storage'] ?? '0');
const askedBy = (claim: PersistentVolumeClaim): number => value(claim.spec.resources?.requests?.['storage'] ?? '0');

/** Claims and volumes, each kind with a cache of its own that lags. */
class StorageWorld implements ModelWorld {
  readonly api = new ModelApi();
  readonly kinds = ['PersistentVolumeClaim', 'PersistentVolume'];
  /** By the claim's uid, the volume it was given once. */
  readonly #given = new Map<string, string>();

  get claims(): readonly PersistentVolumeClaim[] {
    return this.api.list('PersistentVolumeClaim');
  }

  get volumes(): readonly PersistentVolume[] {
    return this.api.list('PersistentVolume');
  }

  look(caches: ModelCaches): readonly Write[] {
    const [claims, volumes] = [caches.list<PersistentVolumeClaim>('PersistentVolumeClaim'), caches.list<PersistentVolume>('PersistentVolume')];
    return [...claims.flatMap((claim) => this.#lookAtClaim(claim, volumes)), ...volumes.flatMap((volume) => this.#lookAtVolume(volume, caches))];
  }

  #lookAtClaim(claim: PersistentVolumeClaim, volumes: readonly PersistentVolume[]): readonly Write[] {
    const step = planClaimStep({ claim, volumes, classes: [CLASS] });
    if (step.do === 'nothing' || step.do === 'wait') return [];
    return [{ kind: step.do === 'bindVolume' ? 'PersistentVolume' : 'PersistentVolumeClaim', write: () => this.#applyToClaim(claim, step) }];
  }

  /** As the controller applies it: each step is one write under the version that was seen. */
  #applyToClaim(claim: PersistentVolumeClaim, step: ClaimStep): boolean {
    const { annotations = {} } = claim.metadata;
    switch (step.do) {
      case 'setClass':
        return this.api.update({ ...claim, spec: { ...claim.spec, storageClassName: step.name } } as PersistentVolumeClaim);
      case 'bindVolume': {
        const { volume } = step;
        this.#checkChoice(volume, claim);
        const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: 'default', name: claim.metadata.name ?? '', uid: claim.metadata.uid ?? '' };
        const metadata = volume.spec.claimRef === undefined ? { ...volume.metadata, annotations: { ...volume.metadata.annotations, [STORAGE.boundByController]: 'yes' } } : volume.metadata;
        return this.api.update({ ...volume, metadata, spec: { ...volume.spec, claimRef } } as PersistentVolume);
      }
      case 'bindClaim':
        return this.api.update({ ...claim, metadata: { ...claim.metadata, annotations: { ...annotations, [STORAGE.bindCompleted]: 'yes' } }, spec: { ...claim.spec, volumeName: step.volume.metadata.name } } as PersistentVolumeClaim);
      case 'setPhase':
        return this.api.update({ ...claim, status: { ...claim.status, phase: step.phase } } as PersistentVolumeClaim);
      default:
        throw new Error(`This world has nobody who could ${step.do}.`);
    }
  }

  /** Only who reserved a volume for a claim that names it is not asked whether it is large enough, and a claim that had it already. */
  #checkChoice(volume: PersistentVolume, claim: PersistentVolumeClaim): void {
    const reserved = volume.spec.claimRef !== undefined;
    const settled = claim.spec.volumeName === volume.metadata.name && (reserved || claim.metadata.annotations?.[STORAGE.bindCompleted] !== undefined);
    if (settled) return;
    expect([sizeOf(volume) >= askedBy(claim), volume.metadata.deletionTimestamp]).toEqual([true, undefined]);
    if (!reserved) expect(volume.spec.storageClassName ?? '').toBe(claim.spec.storageClassName ?? '');
  }

  #lookAtVolume(volume: PersistentVolume, caches: ModelCaches): readonly Write[] {
    const { claimRef } = volume.spec;
    const cached = claimRef === undefined ? undefined : caches.get<PersistentVolumeClaim>('PersistentVolumeClaim', claimRef.name ?? '');
    // That a claim is gone only the server can tell.
    const claim = cached?.metadata.uid === claimRef?.uid ? cached : this.api.get<PersistentVolumeClaim>('PersistentVolumeClaim', claimRef?.name ?? '');
    const step = planVolumeStep(volume, claim);
    if (step.do === 'nothing') return [];
    return [{ kind: 'PersistentVolume', write: () => this.#applyToVolume(volume, step) }];
  }

  #applyToVolume(volume: PersistentVolume, step: ReturnType<typeof planVolumeStep>): boolean {
    const user = this.claims.find(({ metadata, spec }) => metadata.uid === volume.spec.claimRef?.uid && spec.volumeName === volume.metadata.name);
    if (step.do === 'setPhase') {
      const accepted = this.api.update({ ...volume, status: { ...volume.status, phase: step.phase } } as PersistentVolume);
      // Somebody's data is on it.
      if (accepted && user !== undefined) expect(step.phase).toBe('Bound');
      return accepted;
    }
    if (step.do === 'nothing') throw new Error('nothing is not to be applied');
    const accepted = this.api.update(step.volume);
    if (accepted) expect(user).toBeUndefined();
    return accepted;
  }

  happen(chance: Chance): void {
    const claim = oneOf(chance, this.claims);
    const volume = oneOf(chance, this.volumes);
    const dice = chance(100);
    const storage = `${1 + chance(4)}Gi`;
    const storageClassName = chance(3) === 0 ? undefined : chance(2) === 0 ? 'slow' : '';
    if (dice < 35) this.api.create(make({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: `c${chance(4)}` }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } }, ...(storageClassName !== undefined && { storageClassName }), ...(chance(8) === 0 && { volumeName: `v${chance(5)}`, storageClassName: '' }) } }));
    else if (dice < 75) {
      const reserved = chance(5) === 0 ? { claimRef: { namespace: 'default', name: `c${chance(4)}` } } : {};
      this.api.create(make({ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: `v${chance(5)}` }, spec: { accessModes: ['ReadWriteOnce'], capacity: { storage }, storageClassName: chance(2) === 0 ? 'slow' : '', ...reserved } }));
    } else if (dice < 88) claim && this.api.remove(claim);
    else if (volume !== undefined && (volume.spec.claimRef === undefined || chance(3) === 0)) this.api.remove(volume);
  }

  others(): void {
    // Nobody else has anything to do here.
  }

  always(): void {
    const bound = this.claims.filter(({ metadata }) => metadata.annotations?.[STORAGE.bindCompleted] !== undefined);
    for (const { metadata, spec } of bound) {
      const before = this.#given.get(metadata.uid ?? '');
      if (before !== undefined) expect(spec.volumeName).toBe(before);
      this.#given.set(metadata.uid ?? '', spec.volumeName ?? '');
    }
    const held = this.volumes.flatMap(({ metadata, spec }) => bound.filter((claim) => spec.claimRef?.uid === claim.metadata.uid && claim.spec.volumeName === metadata.name).map(() => metadata.name));
    expect(new Set(held).size).toBe(held.length);
  }

  checkRest(): void {
    for (const claim of this.claims) {
      const volume = this.volumes.find(({ metadata }) => metadata.name === claim.spec.volumeName);
      switch (claim.status?.phase) {
        case 'Bound':
          expect(volume?.spec.claimRef?.uid).toBe(claim.metadata.uid);
          break;
        case 'Lost':
          expect(volume === undefined || !isVolumeFor(volume, claim)).toBe(true);
          break;
        default:
          // It has no volume because there is none for it.
          if ((claim.spec.volumeName ?? '') === '') expect(findVolume(claim, this.volumes)).toBeUndefined();
          else if (volume !== undefined && volume.spec.claimRef === undefined) expect(sizeOf(volume) < askedBy(claim) || volume.spec.storageClassName !== claim.spec.storageClassName).toBe(true);
          else expect(volume === undefined || !isVolumeFor(volume, claim)).toBe(true);
      }
    }
    for (const { metadata, spec, status } of this.volumes) {
      const claim = this.claims.find((one) => (spec.claimRef?.uid ?? '') !== '' && one.metadata.uid === spec.claimRef?.uid);
      const wanted = (spec.claimRef?.uid ?? '') === '' ? 'Available' : claim === undefined ? 'Released' : 'Bound';
      expect([metadata.name, status?.phase]).toEqual([metadata.name, wanted]);
      if (claim !== undefined) expect(claim.spec.volumeName).toBe(metadata.name);
    }
  }
}

/** A volume that somebody reserved for a claim is bound to it, while a process with old caches gives the claim another one. */
const reservedAndLate: readonly (readonly [number, number])[] = [
  [4, 698628], [4, 828707], [4, 618846], [4, 976131], [6, 285890], [6, 130435], [8, 0], [0, 0], [8, 39107], [0, 0], [6, 794389], [9, 676727], [0, 0],
];

describe('the plans for claims and volumes', () => {
  it('never give one volume to two claims, nor one that is too small, nor take one away, however late caches are; they settle, and then plan nothing', () => {
    fc.assert(
      fc.property(courses, (course) => {
        const world = new StorageWorld();
        endure(world, course, { staleStarts: true });
        settle(world);
        world.checkRest();
      }),
      { numRuns: 400, examples: [[reservedAndLate]] },
    );
  });
});
