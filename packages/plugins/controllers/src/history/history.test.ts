import { type ControllerRevision, DaemonSet, type Deployment, type ReplicaSet, StatefulSet } from '@orrery/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { make } from '../test-support/world.js';
import { planHistory, planTruncation } from './plan.js';
import { byRevision, newRevision, type RevisionStyle, templatePatch } from './revisions.js';
import { findRevision, historyOf, revertDeployment, revertTo } from './rollback.js';

const STYLE: RevisionStyle = { hash: (data, collisions) => `${JSON.stringify(data).length}${collisions}`, label: 'hash' };
const template = (image: string, extra: object = {}) => ({ metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image }], ...extra } });
const setOf = (image: string): StatefulSet =>
  make({ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'web', namespace: 'default', uid: 'set' }, spec: { replicas: 3, selector: { matchLabels: { app: 'web' } }, template: template(image) } });

describe('a history', () => {
  it('has one revision for each template, the present one the latest, however often one goes back', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 20 }), (images) => {
        let kept: ControllerRevision[] = [];
        for (const image of images) {
          const plan = planHistory(setOf(image), STYLE, kept, 0);
          kept = [...plan.old, ...plan.duplicates, plan.current];
          expect(planHistory(setOf(image), STYLE, kept, 0)).toMatchObject({ act: 'keep', current: { data: plan.current.data } });
          expect(kept.toSorted(byRevision).at(-1)?.data).toEqual(templatePatch(template(image)));
          expect(new Set(kept.map(({ revision }) => revision)).size).toBe(kept.length);
        }
        expect(kept).toHaveLength(new Set(images).size);
      }),
    );
  });

  it('has its duplicates told apart from the one that counts', () => {
    const [first, second] = [1, 2].map((revision) => newRevision(setOf('a'), STYLE, revision, revision));
    const plan = planHistory(setOf('a'), STYLE, [second as ControllerRevision, first as ControllerRevision], 0);
    expect(plan).toMatchObject({ act: 'keep', current: second, duplicates: [first] });
  });

  it('forgets the oldest, as many as are too many, and never one in use', () => {
    const revisions = fc.uniqueArray(fc.record({ revision: fc.integer({ min: 1, max: 50 }), live: fc.boolean() }), { selector: ({ revision }) => revision, maxLength: 20 });
    fc.assert(
      fc.property(revisions, fc.integer({ min: -3, max: 20 }), (all, excess) => {
        const kept = all.map(({ revision }) => ({ ...newRevision(setOf('a'), STYLE, revision, 0), revision })).sort(byRevision);
        const isLive = ({ revision }: ControllerRevision): boolean => all.find((one) => one.revision === revision)?.live === true;
        const gone = planTruncation(kept, isLive, excess);
        expect(gone.some(isLive)).toBe(false);
        const idle = kept.filter((one) => !isLive(one));
        expect(gone).toEqual(idle.slice(0, Math.max(0, excess)));
      }),
    );
  });

  it('names a revision so that it is a name, however long that of its owner', () => {
    const set = make<StatefulSet>({ ...setOf('a'), metadata: { ...setOf('a').metadata, name: 'x'.repeat(253) } });
    expect(newRevision(set, STYLE, 1, 0).metadata.name).toMatch(/^x{223}-/);
  });
});

describe('going back', () => {
  it('replaces the template as a whole, and nothing else', () => {
    const [old, now] = [setOf('a'), make<StatefulSet>({ ...setOf('b'), spec: { ...setOf('b').spec, replicas: 7, template: template('b', { volumes: [{ name: 'v', emptyDir: {} }], hostNetwork: true }) } })];
    const back = revertTo(StatefulSet, now, newRevision(old, STYLE, 1, 0));
    expect(back).toEqual({ ...now, spec: { ...now.spec, template: old.spec.template } });
    expect(now.spec.template.spec.hostNetwork).toBe(true);
    const daemon = make<DaemonSet>({ ...setOf('b'), kind: 'DaemonSet' });
    expect(revertTo(DaemonSet, daemon, newRevision(old, STYLE, 1, 0)).spec.template).toEqual(old.spec.template);
  });

  it('of a deployment takes the template and the annotations of its ReplicaSet, without what is the set\'s own', () => {
    const deployment = make<Deployment>({ metadata: { name: 'web', annotations: { 'deployment.kubernetes.io/revision': '2', note: 'new', more: 'x' } }, spec: { replicas: 4, selector: {}, template: template('b') } });
    const set = make<ReplicaSet>({
      metadata: { name: 'web-1', annotations: { 'deployment.kubernetes.io/revision': '1', 'deployment.kubernetes.io/desired-replicas': '3', note: 'old' } },
      spec: { selector: {}, template: { ...template('a'), metadata: { labels: { app: 'web', 'pod-template-hash': 'abc' } } } },
    });
    const back = revertDeployment(deployment, set);
    expect(back.spec).toEqual({ ...deployment.spec, template: template('a') });
    expect(back.metadata.annotations).toEqual({ 'deployment.kubernetes.io/revision': '2', note: 'old' });
  });

  it('finds the one before the latest, or the one with a number', () => {
    const kept = [4, 1, 3].map((revision) => make<ControllerRevision>({ metadata: { name: `r${revision}`, ...(revision === 3 && { annotations: { 'kubernetes.io/change-cause': 'because' } }) }, revision }));
    expect(historyOf(kept)).toEqual([{ revision: 1 }, { revision: 3, changeCause: 'because' }, { revision: 4 }]);
    expect(findRevision(kept)?.revision).toBe(3);
    expect(findRevision(kept, 1)?.revision).toBe(1);
    expect(findRevision(kept, 2)).toBeUndefined();
    expect(findRevision(kept.slice(0, 1))).toBeUndefined();
    const sets = [2, 1].map((revision) => make<ReplicaSet>({ metadata: { name: `s${revision}`, annotations: { 'deployment.kubernetes.io/revision': String(revision) } } }));
    expect(historyOf(sets)).toEqual([{ revision: 1 }, { revision: 2 }]);
    expect(findRevision(sets)?.metadata.name).toBe('s1');
  });
});
