import { type KindDefinition, type KubeObject } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import { APIService } from './kind/api-service.js';
import { AUTOMANAGED, planLocal } from './local/plan.js';
import { withFinding } from './remote/availability.js';
import { discoveryOf } from './remote/resources.js';

const named = (services: readonly APIService[]): (string | undefined)[] => services.map(({ metadata }) => metadata.name);
const made = (spec: object, name = 'v1.example.com'): APIService => ({ apiVersion: APIService.apiVersion, kind: 'APIService', metadata: { name }, spec }) as APIService;
const wrong = (spec: object, name?: string): string[] => ((APIService as unknown as KindDefinition).rules.validate?.(made({ group: 'example.com', version: 'v1', groupPriorityMinimum: 1000, versionPriority: 100, ...spec }, name) as unknown as KubeObject) ?? []).map(({ field }) => field);

describe('APIServices of this server', () => {
  it('are one for each version of a group; those of others stay', () => {
    const { create } = planLocal([{ group: '', version: 'v1' }, { group: 'apps', version: 'v1' }, { group: 'example.com', version: 'v1alpha1' }], []);
    expect(create.map(({ metadata, spec }) => [metadata.name, spec.groupPriorityMinimum, spec.versionPriority])).toEqual([['v1.', 18_000, 1], ['v1.apps', 17_800, 15], ['v1alpha1.example.com', 1_000, 100]]);
    expect(planLocal([{ group: 'apps', version: 'v1' }], create)).toMatchObject({ create: [], update: [] });
    expect(named(planLocal([{ group: 'apps', version: 'v1' }], create).remove)).toEqual(['v1.', 'v1alpha1.example.com']);
    const own = made({ group: 'apps', version: 'v1', groupPriorityMinimum: 5, versionPriority: 5 }, 'v1.apps');
    expect(planLocal([{ group: 'apps', version: 'v1' }], [own])).toEqual({ create: [], update: [], remove: [] });
    const ours = { ...own, metadata: { ...own.metadata, labels: { [AUTOMANAGED]: 'true' } } };
    expect(planLocal([{ group: 'apps', version: 'v1' }], [ours]).update[0]?.spec.groupPriorityMinimum).toBe(17_800);
  });
});

describe('an APIService', () => {
  it('is checked as kube-aggregator does', () => {
    expect(wrong({})).toEqual([]);
    expect(wrong({}, 'x')).toEqual(['metadata.name']);
    expect(wrong({ groupPriorityMinimum: 0, versionPriority: 1_001 })).toEqual(['spec.groupPriorityMinimum', 'spec.versionPriority']);
    expect(wrong({ caBundle: 'eA==', insecureSkipTLSVerify: true })).toEqual(['spec.caBundle', 'spec.insecureSkipTLSVerify']);
    expect(wrong({ service: {} })).toEqual(['spec.service.namespace', 'spec.service.name']);
    expect(wrong({ service: { namespace: 'a', name: 'b', port: 0 }, caBundle: 'eA==', insecureSkipTLSVerify: true })).toEqual(['spec.service.port', 'spec.insecureSkipTLSVerify']);
    expect(wrong({ group: undefined, version: 'v2' }, 'v2.')).toEqual(['spec.group']);
  });
});

describe('what is found out about a server', () => {
  it('has the time of its last change', () => {
    const up = { status: 'True', reason: 'Passed', message: 'all checks passed' };
    const first = withFinding([], up, 0);
    expect(withFinding(first, { ...up, message: 'again' }, 60_000)[0]).toMatchObject({ message: 'again', lastTransitionTime: first[0]?.lastTransitionTime });
    expect(withFinding(first, { ...up, status: 'False' }, 60_000)[0]?.lastTransitionTime).not.toBe(first[0]?.lastTransitionTime);
  });

  it('is told in the form of aggregated discovery', () => {
    const listed = [{ name: 'games', singularName: 'game', namespaced: true, kind: 'Game', verbs: ['get'], shortNames: ['g'] }, { name: 'games/status', kind: 'Game', verbs: ['patch'] }, { name: 'rooms', kind: 'Room' }];
    expect(discoveryOf(listed, { group: 'example.com', version: 'v1' })).toEqual([
      { resource: 'games', responseKind: { group: 'example.com', version: 'v1', kind: 'Game' }, scope: 'Namespaced', singularResource: 'game', verbs: ['get'], shortNames: ['g'], subresources: [{ subresource: 'status', responseKind: { group: 'example.com', version: 'v1', kind: 'Game' }, verbs: ['patch'] }] },
      { resource: 'rooms', responseKind: { group: 'example.com', version: 'v1', kind: 'Room' }, scope: 'Cluster', singularResource: '', verbs: [] },
    ]);
  });
});
