import { describe, expect, it } from 'vitest';
import { decodeObject, type KindDefinition, type KubeObject, PersistentVolume, PersistentVolumeClaim, StorageClass } from '../index.js';

const made = <T extends KubeObject>(kind: KindDefinition<T>, body: object): T => {
  const { object } = decodeObject(kind, { apiVersion: kind.apiVersion, kind: kind.kind, metadata: { name: 'x', namespace: 'default' }, ...body });
  kind.rules.applyDefaults?.(object);
  return object;
};
const wrong = <T extends KubeObject>(kind: KindDefinition<T>, body: object): string[] => (kind.rules.validate?.(made(kind, body)) ?? []).map(({ field, type }) => `${field} ${type.replace('FieldValue', '')}`);
const changed = <T extends KubeObject>(kind: KindDefinition<T>, before: object, after: object): string[] =>
  (kind.rules.validateUpdate?.(made(kind, after), made(kind, before)) ?? []).map(({ field, type }) => `${field} ${type.replace('FieldValue', '')}`);

const claim = (spec: object = {}): { spec: object } => ({ spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec } });
const node = { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['n1'] }] }] } };
const volume = (spec: object = {}): { spec: object } => ({ spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], local: { path: '/data/v' }, nodeAffinity: node, ...spec } });

describe('claims', () => {
  it('are defaulted and checked', () => {
    expect(made(PersistentVolumeClaim, claim())).toMatchObject({ spec: { volumeMode: 'Filesystem' }, status: { phase: 'Pending' } });
    expect(wrong(PersistentVolumeClaim, claim())).toEqual([]);
    expect(wrong(PersistentVolumeClaim, { spec: {} })).toEqual(['spec.accessModes Required', 'spec.resources[storage] Required']);
    expect(wrong(PersistentVolumeClaim, claim({ accessModes: ['ReadWriteOncePod', 'ReadOnlyMany'] }))).toEqual(['spec.accessModes Forbidden']);
    expect(wrong(PersistentVolumeClaim, claim({ resources: { requests: { storage: '0' } }, storageClassName: 'No_Name', volumeMode: 'Tape' }))).toEqual([
      'spec.resources[storage] Invalid', 'spec.storageClassName Invalid', 'spec.volumeMode NotSupported',
    ]);
  });

  it('may be given a volume and a class once, and grow once bound', () => {
    expect(changed(PersistentVolumeClaim, claim(), claim({ volumeName: 'v1', storageClassName: 'fast' }))).toEqual([]);
    expect(changed(PersistentVolumeClaim, claim({ volumeName: 'v1' }), claim({ volumeName: 'v2' }))).toEqual(['spec Forbidden']);
    expect(changed(PersistentVolumeClaim, claim(), claim({ accessModes: ['ReadOnlyMany'] }))).toEqual(['spec Forbidden']);
    const more = { resources: { requests: { storage: '2Gi' } } };
    const bound = { status: { phase: 'Bound' } };
    expect(changed(PersistentVolumeClaim, claim(), claim(more))).toEqual(['spec Forbidden']);
    expect(changed(PersistentVolumeClaim, { ...claim(), ...bound }, { ...claim(more), ...bound })).toEqual([]);
    expect(changed(PersistentVolumeClaim, { ...claim(more), ...bound }, { ...claim(), ...bound })).toEqual(['spec.resources.requests.storage Forbidden']);
  });
});

describe('volumes', () => {
  it('are defaulted and checked', () => {
    expect(made(PersistentVolume, volume()).spec).toMatchObject({ persistentVolumeReclaimPolicy: 'Retain', volumeMode: 'Filesystem' });
    expect(wrong(PersistentVolume, volume())).toEqual([]);
    expect(wrong(PersistentVolume, { spec: {} })).toEqual(['spec.accessModes Required', 'spec.capacity Required', 'spec Required']);
    expect(wrong(PersistentVolume, volume({ nodeAffinity: undefined }))).toEqual(['spec.nodeAffinity Required']);
    expect(wrong(PersistentVolume, volume({ hostPath: { path: '/a/../b' } }))).toEqual(['spec.local Forbidden', 'spec.hostPath.path Invalid']);
  });

  it('stay where they are', () => {
    expect(changed(PersistentVolume, volume(), volume({ claimRef: { name: 'c' }, capacity: { storage: '2Gi' } }))).toEqual([]);
    expect(changed(PersistentVolume, volume(), volume({ local: { path: '/other' } }))).toEqual(['spec.persistentvolumesource Forbidden']);
    expect(changed(PersistentVolume, volume(), volume({ nodeAffinity: { required: { nodeSelectorTerms: [] } } }))).toEqual(['spec.nodeAffinity Invalid']);
  });
});

describe('storage classes', () => {
  const fast = { provisioner: 'example.com/fast', parameters: { kind: 'ssd' } };
  it('are defaulted, checked, and keep what their volumes were made by', () => {
    expect(made(StorageClass, fast)).toMatchObject({ reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' });
    expect(wrong(StorageClass, fast)).toEqual([]);
    expect(wrong(StorageClass, { reclaimPolicy: 'Recycle', volumeBindingMode: 'Later' })).toEqual(['provisioner Required', 'reclaimPolicy NotSupported', 'volumeBindingMode NotSupported']);
    expect(changed(StorageClass, fast, { ...fast, allowVolumeExpansion: true })).toEqual([]);
    expect(changed(StorageClass, fast, { ...fast, provisioner: 'example.com/slow', parameters: {} })).toEqual(['parameters Forbidden', 'provisioner Forbidden']);
  });
});
