import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '@orrery/core';
import { Listeners } from '../state/listeners.js';
import { STORAGE, type Volumes } from '../volumes/volumes.js';

/** Claims, volumes and classes that change when told to. */
export class FakeVolumes implements Volumes {
  readonly #claims = new Map<string, PersistentVolumeClaim>();
  readonly #volumes = new Map<string, PersistentVolume>();
  readonly #classes = new Map<string, StorageClass>();
  readonly #listeners = new Listeners();
  version = 0;

  claim = (key: string): PersistentVolumeClaim | undefined => this.#claims.get(key);
  volume = (name: string): PersistentVolume | undefined => this.#volumes.get(name);
  volumesOf = (storageClass: string): readonly PersistentVolume[] => [...this.#volumes.values()].filter(({ spec }) => spec.storageClassName === storageClass);
  storageClass = (name: string): StorageClass | undefined => this.#classes.get(name);

  changed(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Takes in objects, in place of those of the same name. */
  put(...objects: readonly (PersistentVolumeClaim | PersistentVolume | StorageClass)[]): this {
    for (const object of objects) {
      const name = object.metadata.name ?? '';
      if (object.kind === 'PersistentVolumeClaim') this.#claims.set(`${object.metadata.namespace}/${name}`, object as PersistentVolumeClaim);
      else if (object.kind === 'PersistentVolume') this.#volumes.set(name, object as PersistentVolume);
      else this.#classes.set(name, object as StorageClass);
    }
    return this.#tell();
  }

  /** Takes out a claim. */
  drop(claim: string): this {
    this.#claims.delete(`default/${claim}`);
    return this.#tell();
  }

  #tell(): this {
    this.version++;
    this.#listeners.tell();
    return this;
  }
}

const make = <T>(object: object): T => object as T;

/** A claim of 1Gi, unbound. */
export const aClaim = (name: string, { spec = {}, metadata = {}, status = {} }: { spec?: object; metadata?: object; status?: object } = {}): PersistentVolumeClaim =>
  make({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace: 'default', uid: `claim-${name}`, ...metadata },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, volumeMode: 'Filesystem', ...spec },
    status: { phase: 'Pending', ...status },
  });

/** A claim that has its volume. */
export const boundClaim = (name: string, volume: string, spec: object = {}): PersistentVolumeClaim =>
  aClaim(name, { spec: { volumeName: volume, ...spec }, metadata: { annotations: { [STORAGE.bindCompleted]: 'yes' } }, status: { phase: 'Bound' } });

/** A volume of 1Gi that is free, on one host if given. */
export const aVolume = (name: string, host?: string, spec: object = {}): PersistentVolume =>
  make({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      volumeMode: 'Filesystem',
      ...(host === undefined ? {} : { nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [host] }] }] } } }),
      ...spec,
    },
    status: { phase: 'Available' },
  });

/** A class whose claims wait for their first pod, unless told otherwise. */
export const aClass = (name: string, provisioner: string, more: object = {}): StorageClass =>
  make({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name }, provisioner, volumeBindingMode: 'WaitForFirstConsumer', ...more });

/** What a pod's spec says to use claims. */
export const using = (...claims: readonly string[]) => ({ volumes: claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })) });
