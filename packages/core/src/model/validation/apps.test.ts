import { describe, expect, it } from 'vitest';
import { decodeObject } from '../decode.js';
import type { FieldError } from '../field-error.js';
import { templateGeneration } from '../daemon-generation.js';
import type { KindDefinition } from '../kind.js';
import { ControllerRevision } from '../kinds/controllerrevision.js';
import { DaemonSet } from '../kinds/daemonset.js';
import { Deployment } from '../kinds/deployment.js';
import { StatefulSet } from '../kinds/statefulset.js';
import type { KubeObject } from '../object.js';

const spec = { selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'web:1' }] } } };

function created<T extends KubeObject>(kind: KindDefinition<T>, object: object): T {
  const draft = decodeObject(kind as unknown as KindDefinition, { apiVersion: kind.apiVersion, kind: kind.kind, ...object }).object as T;
  kind.rules.applyDefaults?.(draft);
  kind.rules.prepareForCreate?.(draft);
  return draft;
}
const wrong = <T extends KubeObject>(kind: KindDefinition<T>, object: T): FieldError[] => [...(kind.rules.validate?.(object) ?? []), ...(kind.rules.validateCreate?.(object) ?? [])];
const fields = (errors: readonly FieldError[] | undefined): string[] => (errors ?? []).map(({ field }) => field);

const statefulSet = (over: object = {}): StatefulSet => created(StatefulSet, { metadata: { name: 'web' }, spec: { ...spec, serviceName: 'web', ...over } });
const daemonSet = (over: object = {}, metadata: object = {}): DaemonSet => created(DaemonSet, { metadata: { name: 'agent', ...metadata }, spec: { ...spec, ...over } });

describe('a Deployment', () => {
  it('keeps a maxUnavailable of nothing', () => {
    const deployment = created(Deployment, { metadata: { name: 'web' }, spec: { ...spec, strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } } } });
    expect(deployment.spec.strategy?.rollingUpdate).toEqual({ maxUnavailable: 0, maxSurge: 1 });
    expect(wrong(Deployment, deployment)).toEqual([]);
  });
});

describe('a StatefulSet', () => {
  it('keeps a good maxUnavailable, and drops one that is none', () => {
    const rolling = (maxUnavailable: number | string) => statefulSet({ updateStrategy: { rollingUpdate: { maxUnavailable } } }).spec.updateStrategy?.rollingUpdate;
    expect(rolling(2)).toEqual({ partition: 0, maxUnavailable: 2 });
    expect(rolling('50%')).toEqual({ partition: 0, maxUnavailable: '50%' });
    for (const bad of [0, -1, '0%', '101%', 'x']) expect(rolling(bad)).toEqual({ partition: 0 });
  });

  it('has a claim of its own name as a volume that its containers may mount', () => {
    const mounting = (name: string) => ({ ...spec.template, spec: { containers: [{ name: 'c', image: 'web:1', volumeMounts: [{ name, mountPath: '/data' }] }], volumes: [{ name: 'data', emptyDir: {} }] } });
    const claims = ['data', 'data'].map((name) => ({ metadata: { name }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } }));
    expect(wrong(StatefulSet, statefulSet({ template: mounting('data'), volumeClaimTemplates: claims }))).toEqual([]);
    expect(fields(wrong(StatefulSet, statefulSet({ template: mounting('other'), volumeClaimTemplates: claims })))).toEqual(['spec.template.spec.containers[0].volumeMounts[0].name']);
  });

  it('may be changed where its name says so, and nowhere else', () => {
    const old = statefulSet();
    const changes = (over: object): string[] => fields(StatefulSet.rules.validateUpdate?.(statefulSet(over), old));
    expect(changes({ replicas: 5, ordinals: { start: 3 }, revisionHistoryLimit: 3, minReadySeconds: 9, persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete' }, updateStrategy: { type: 'OnDelete' } })).toEqual([]);
    for (const over of [{ serviceName: 'other' }, { podManagementPolicy: 'Parallel' }, { volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: {} }] }]) expect(changes(over)).toEqual(['spec']);
  });

  it('that was let in with a bad service name or template may still be changed elsewhere', () => {
    const template = { ...spec.template, spec: { containers: [] } };
    const old = statefulSet({ serviceName: 'Not.A.Label', template });
    expect(StatefulSet.rules.validateUpdate?.(statefulSet({ serviceName: 'Not.A.Label', template, replicas: 2 }), old)).toEqual([]);
    expect(fields(StatefulSet.rules.validateUpdate?.(statefulSet({ template }), statefulSet()))).toEqual(['spec.template.spec.containers']);
  });

  it('reports a status that adds up', () => {
    const status = (status: object): string[] => fields(StatefulSet.rules.validateStatusUpdate?.({ ...statefulSet(), status: status as StatefulSet['status'] }, { ...statefulSet(), status: { replicas: 0, availableReplicas: 0, collisionCount: 2 } }));
    expect(status({ replicas: 3, readyReplicas: 2, availableReplicas: 2, currentReplicas: 3, updatedReplicas: 3, collisionCount: 2 })).toEqual([]);
    expect(status({ replicas: 1, readyReplicas: 1, availableReplicas: 2, currentReplicas: -1, observedGeneration: -1, collisionCount: 1 })).toEqual([
      'status.currentReplicas',
      'status.observedGeneration',
      'status.availableReplicas',
      'status.availableReplicas',
      'status.collisionCount',
    ]);
  });
});

describe('a DaemonSet', () => {
  it('counts its templates, whatever clients say of the count', () => {
    const old = daemonSet();
    expect(templateGeneration(old)).toBe(1);
    expect(templateGeneration(daemonSet({}, { annotations: { 'deprecated.daemonset.template.generation': '7' } }))).toBe(7);
    expect(templateGeneration(daemonSet({}, { annotations: { 'deprecated.daemonset.template.generation': 'many' } }))).toBe(1);
    const same = daemonSet({ minReadySeconds: 5 }, { annotations: { 'deprecated.daemonset.template.generation': '9', note: 'x' } });
    DaemonSet.rules.prepareForUpdate?.(same, old);
    expect(same.metadata.annotations).toEqual({ 'deprecated.daemonset.template.generation': '1', note: 'x' });
    const changed = daemonSet({ template: { ...spec.template, spec: { containers: [{ name: 'c', image: 'web:2' }] } } });
    DaemonSet.rules.prepareForUpdate?.(changed, old);
    expect(templateGeneration(changed)).toBe(2);
  });

  it('is replaced either by being down or by being there twice', () => {
    const update = (rollingUpdate: object): string[] => fields(wrong(DaemonSet, daemonSet({ updateStrategy: { rollingUpdate } })));
    expect(update({ maxUnavailable: 0, maxSurge: '10%' })).toEqual([]);
    expect(update({ maxUnavailable: 1, maxSurge: 1 })).toEqual(['spec.updateStrategy.rollingUpdate.maxSurge']);
    expect(update({ maxUnavailable: '0%', maxSurge: 0 })).toEqual(['spec.updateStrategy.rollingUpdate.maxUnavailable']);
    expect(update({ maxUnavailable: '101%' })).toEqual(['spec.updateStrategy.rollingUpdate.maxUnavailable']);
    expect(fields(wrong(DaemonSet, daemonSet({ updateStrategy: { type: 'Recreate' } })))).toEqual(['spec.updateStrategy']);
  });

  it('never counts less than nothing', () => {
    const status = { currentNumberScheduled: -1, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 };
    expect(fields(DaemonSet.rules.validateStatusUpdate?.({ ...daemonSet(), status }, { ...daemonSet(), status: { ...status, collisionCount: 1 } }))).toEqual(['status.currentNumberScheduled', 'status.collisionCount']);
  });
});

describe('a ControllerRevision', () => {
  const revision = (over: object = {}): ControllerRevision => created(ControllerRevision, { metadata: { name: 'web-1' }, revision: 1, data: { spec: { template: { $patch: 'replace', spec: { nodeName: null } } } }, ...over });

  it('keeps its data as it is, and never changes them', () => {
    expect(revision().data).toEqual({ spec: { template: { $patch: 'replace', spec: { nodeName: null } } } });
    expect(wrong(ControllerRevision, revision())).toEqual([]);
    expect(ControllerRevision.rules.validateUpdate?.(revision({ revision: 9 }), revision())).toEqual([]);
    expect(fields(ControllerRevision.rules.validateUpdate?.(revision({ data: {} }), revision()))).toEqual(['data']);
  });

  it('has data and a number', () => {
    expect(fields(wrong(ControllerRevision, revision({ data: undefined, revision: -1 })))).toEqual(['data', 'revision']);
  });
});
