import fc from 'fast-check';
import type { PolicyRule } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import { escalationOf } from './escalation.js';
import { missingRights, ruleAllows, rulesOfRights } from './rules.js';

const user = { name: 'u', groups: [] };
const rule = (more: Partial<PolicyRule>): PolicyRule => ({ verbs: ['get'], apiGroups: [''], resources: ['pods'], ...more });
const allows = (one: PolicyRule, verb: string, resource: string, more: { group?: string; subresource?: string; name?: string } = {}): boolean =>
  ruleAllows(one, { verb, ref: { group: '', version: 'v1', resource, ...more } });

describe('a rule', () => {
  it('is of verbs, groups, resources and their parts', () => {
    expect([allows(rule({}), 'get', 'pods'), allows(rule({}), 'list', 'pods'), allows(rule({}), 'get', 'secrets'), allows(rule({}), 'get', 'pods', { group: 'apps' })]).toEqual([true, false, false, false]);
    expect(allows(rule({}), 'get', 'pods', { subresource: 'log' })).toBe(false);
    expect(allows(rule({ resources: ['pods/log'] }), 'get', 'pods', { subresource: 'log' })).toBe(true);
    expect(allows(rule({ resources: ['pods/log'] }), 'get', 'pods')).toBe(false);
    expect(allows(rule({ resources: ['*/scale'] }), 'get', 'deployments', { subresource: 'scale' })).toBe(true);
    expect(allows(rule({ resources: ['*/scale'] }), 'get', 'deployments')).toBe(false);
    expect(allows(rule({ resources: ['*/scale'] }), 'get', 'deployments', { subresource: 'status' })).toBe(false);
    expect(allows(rule({ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }), 'anything', 'things', { group: 'g', subresource: 's' })).toBe(true);
    expect(allows(rule({}), '*', 'pods')).toBe(false);
  });

  it('of names is not about requests without one', () => {
    const named = rule({ verbs: ['get', 'list', 'create'], resourceNames: ['a'] });
    expect([allows(named, 'get', 'pods', { name: 'a' }), allows(named, 'get', 'pods', { name: 'b' }), allows(named, 'list', 'pods'), allows(named, 'create', 'pods', { name: '' })]).toEqual([true, false, false, false]);
  });

  it('of paths ends with anything where it ends with a star', () => {
    const paths = (...urls: string[]) => (path: string) => ruleAllows({ verbs: ['get'], nonResourceURLs: urls }, { verb: 'get', path });
    expect(['/healthz', '/healthz/etcd', '/healthzz', '/'].map(paths('/healthz', '/healthz/*'))).toEqual([true, true, false, false]);
    expect(paths('*')('/anything')).toBe(true);
    expect(ruleAllows(rule({ verbs: ['*'], resources: ['*'], apiGroups: ['*'] }), { verb: 'get', path: '/metrics' })).toBe(false);
    expect(allows({ verbs: ['*'], nonResourceURLs: ['*'] }, 'get', 'pods')).toBe(false);
  });
});

const [VERBS, GROUPS, RESOURCES, NAMES, PATHS] = [['get', 'list', 'create', '*'], ['', 'apps', '*'], ['pods', 'pods/log', '*/log', 'secrets', '*'], ['a', 'b'], ['/a', '/a/*', '/a/b', '*']] as const;
const some = <T>(values: readonly T[], minLength = 1) => fc.uniqueArray(fc.constantFrom(...values), { minLength, maxLength: 3 });
const anyRule: fc.Arbitrary<PolicyRule> = fc.oneof(
  fc.record({ verbs: some(VERBS), apiGroups: some(GROUPS), resources: some(RESOURCES), resourceNames: some(NAMES, 0) }),
  fc.record({ verbs: some(VERBS), nonResourceURLs: some(PATHS) }),
);
const anyRequest = fc.oneof(
  fc.record({
    verb: fc.constantFrom('get', 'list', 'create'),
    ref: fc.record({ group: fc.constantFrom('', 'apps'), version: fc.constant('v1'), resource: fc.constantFrom('pods', 'secrets'), subresource: fc.constantFrom('', 'log'), name: fc.constantFrom('', 'a', 'b') }),
  }),
  fc.record({ verb: fc.constantFrom('get', 'list'), path: fc.constantFrom('/a', '/a/b', '/a/b/c', '/c') }),
);

describe('rules of any kind', () => {
  it('never allow less when they are widened', () => {
    const widened = (one: PolicyRule, part: keyof PolicyRule, value: string): PolicyRule =>
      one[part] === undefined ? one : part === 'resourceNames' ? { ...one, resourceNames: [] } : { ...one, [part]: [...(one[part] as string[]), value] };
    fc.assert(
      fc.property(anyRule, fc.constantFrom(...(['verbs', 'apiGroups', 'resources', 'resourceNames', 'nonResourceURLs'] as const)), fc.constantFrom('*', 'get', 'pods', '/a'), anyRequest, (one, part, value, request) => {
        if (ruleAllows(one, request)) expect(ruleAllows(widened(one, part, value), request)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('cover others only when they allow all that those allow', () => {
    let covered = 0;
    fc.assert(
      fc.property(fc.array(anyRule, { maxLength: 4 }), fc.array(anyRule, { minLength: 1, maxLength: 2 }), anyRequest, (held, given, request) => {
        if (missingRights(held, given)?.length !== 0) return;
        covered += 1;
        if (given.some((one) => ruleAllows(one, request))) expect(held.some((one) => ruleAllows(one, request))).toBe(true);
      }),
      { numRuns: 5_000, seed: 1 },
    );
    expect(covered).toBeGreaterThan(50);
  });

  it('lack nothing that was added to them, and cover themselves', () => {
    fc.assert(
      fc.property(fc.array(anyRule), fc.array(anyRule), (held, wanted) => {
        expect(missingRights([...held, ...rulesOfRights(missingRights(held, wanted) ?? [])], wanted)).toEqual([]);
        expect(escalationOf(user, wanted, wanted)).toBeUndefined();
      }),
    );
  });
});

describe('a refusal to give', () => {
  it('is in the words of Kubernetes', () => {
    const lacks = escalationOf({ name: 'anna', groups: ['team', 'x'] }, [rule({})], [rule({ verbs: ['get', 'list', 'watch'], resources: ['pods', 'secrets'] }), { verbs: ['get'], nonResourceURLs: ['/metrics'] }]);
    expect(lacks).toBe(
      [
        'user "anna" (groups=["team" "x"]) is attempting to grant RBAC permissions not currently held:',
        '{APIGroups:[""], Resources:["pods"], Verbs:["list" "watch"]}',
        '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list" "watch"]}',
        '{NonResourceURLs:["/metrics"], Verbs:["get"]}',
      ].join('\n'),
    );
  });

  it('is bounded in time and length', () => {
    const many = Array.from({ length: 300 }, (_, i) => `r${i}`);
    expect(escalationOf(user, [], [rule({ verbs: many, resources: many })])).toContain('more than 50000 single RBAC permissions');
    expect(escalationOf(user, [], [rule({ resources: many })])?.split('\n')).toHaveLength(52);
  });
});
