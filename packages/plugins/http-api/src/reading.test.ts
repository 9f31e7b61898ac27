import { ApiError } from '@orrery/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acceptsGzip, wantedOf, wantsAggregatedDiscovery } from './accept.js';
import { isDeeper } from './json-text.js';
import { warningHeaders } from './exchange.js';
import { deletionOf, Query } from './query.js';
import { routeOf } from './route.js';

// What is read from requests: pure functions.

describe('a path', () => {
  it.each([
    ['/api/v1', { type: 'discovery', group: '', version: 'v1' }],
    ['/apis/apps', { type: 'discovery', group: 'apps' }],
    ['/apis/apps/v1/', { type: 'discovery', group: 'apps', version: 'v1' }],
    ['/healthz', { type: 'path', path: '/healthz' }],
    ['/', { type: 'path', path: '/' }],
    ['/api/v1/pods', { type: 'resource', ref: { group: '', version: 'v1', resource: 'pods' } }],
    ['/api/v1/namespaces', { type: 'resource', ref: { group: '', version: 'v1', resource: 'namespaces' } }],
    ['/api/v1/namespaces/a', { type: 'resource', ref: { group: '', version: 'v1', resource: 'namespaces', name: 'a' } }],
    ['/api/v1/namespaces/a/status', { type: 'resource', ref: { group: '', version: 'v1', resource: 'namespaces', name: 'a', subresource: 'status' } }],
    ['/api/v1/namespaces/a/pods', { type: 'resource', ref: { group: '', version: 'v1', resource: 'pods', namespace: 'a' } }],
    ['/apis/apps/v1/namespaces/a/deployments/d/scale', { type: 'resource', ref: { group: 'apps', version: 'v1', resource: 'deployments', namespace: 'a', name: 'd', subresource: 'scale' } }],
    ['/api/v1/nodes/n/status', { type: 'resource', ref: { group: '', version: 'v1', resource: 'nodes', name: 'n', subresource: 'status' } }],
    ['/apis/x.io/v1/things/system%3Athing', { type: 'resource', ref: { group: 'x.io', version: 'v1', resource: 'things', name: 'system:thing' } }],
  ])('%s means one thing', (path, route) => {
    expect(routeOf(path)).toEqual(route);
  });

  it('is refused, or gives names that cannot leave their place', () => {
    const part = fc.oneof(fc.constantFrom('..', '.', '', '%2e%2e', '%2F', 'api', 'apis', 'v1', 'namespaces', 'pods', '%00', '%', '\\'), fc.string({ maxLength: 5 }));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 9 }), (parts) => {
        let route;
        try {
          route = routeOf(`/${parts.join('/')}`);
        } catch (error) {
          expect(ApiError.is(error)).toBe(true);
          return;
        }
        if (route.type !== 'resource') return;
        for (const name of Object.values(route.ref).slice(1)) {
          expect(name).not.toMatch(/[/\\]/);
          expect(['', '.', '..']).not.toContain(name);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('what is wanted', () => {
  it('is the first that can be answered, by preference', () => {
    expect(wantedOf(undefined)).toEqual({ encoding: 'json', as: 'object' });
    expect(wantedOf('application/json;as=Table;v=v1beta1;g=meta.k8s.io, application/json;as=Table;v=v1;g=meta.k8s.io')).toEqual({ encoding: 'json', as: 'Table' });
    expect(wantedOf('application/json;as=Table;v=v1;g=meta.k8s.io;q=0.5, application/yaml;q=0.9')).toEqual({ encoding: 'yaml', as: 'object' });
    expect(wantedOf('application/cbor, application/json;q=0, */*;q=0.1')).toEqual({ encoding: 'json', as: 'object' });
    expect(() => wantedOf('application/cbor')).toThrow('only the following media types are accepted');
    expect(wantsAggregatedDiscovery('application/json, application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList')).toBe(false);
    expect([acceptsGzip('deflate, gzip;q=0.5'), acceptsGzip('gzip;q=0'), acceptsGzip(undefined), acceptsGzip('br')]).toEqual([true, false, false, false]);
  });
});

describe('nesting', () => {
  it('is told from brackets as a parser would', () => {
    const depth = (value: unknown): number => (typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depth)) : 0);
    fc.assert(
      fc.property(fc.json({ maxDepth: 8 }), fc.nat(8), (text, limit) => {
        expect(isDeeper(Buffer.from(text), limit)).toBe(depth(JSON.parse(text)) > limit);
      }),
    );
  });
});

describe('warnings', () => {
  it('cannot break out of their header, and are bounded', () => {
    expect(warningHeaders(['say "x"\\', 'a\r\nSet-Cookie: b'])).toEqual(['299 - "say \\"x\\"\\\\"', '299 - "aSet-Cookie: b"']);
    expect(warningHeaders(Array.from({ length: 100 }, () => 'x'.repeat(1_000))).join('').length).toBeLessThan(5_000);
  });
});

describe('options of a deletion', () => {
  it('come from the body if there is one, else from the query', () => {
    const query = new Query('gracePeriodSeconds=3&propagationPolicy=Orphan');
    expect(deletionOf(query, undefined)).toEqual({ gracePeriodSeconds: 3, propagationPolicy: 'Orphan' });
    expect(deletionOf(query, { gracePeriodSeconds: 0, preconditions: { uid: 'u' } })).toEqual({ gracePeriodSeconds: 0, preconditions: { uid: 'u' } });
    expect(deletionOf(new Query('orphanDependents=false'), undefined)).toEqual({ propagationPolicy: 'Background' });
    expect(deletionOf(new Query('dryRun=All'), { dryRun: null })).toEqual({ dryRun: true });
    for (const body of [[], 'x', 7, { kind: 'Pod' }, { dryRun: ['Some'] }, { gracePeriodSeconds: 1.5 }, { preconditions: { uid: 7 } }, { orphanDependents: 'yes' }]) expect(() => deletionOf(query, body)).toThrow();
  });
});
