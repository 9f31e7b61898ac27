import { expect, test } from 'vitest';
import { DEMAND_LABEL, demandLease, demandOf, HOLD_ANNOTATION, holdsRequests } from './demand.js';

const service = { namespace: 'shop', name: 'web', uid: 'u1' };
const lastUse = Date.UTC(2026, 0, 1, 12, 0, 0, 250);

test('a lease says what it was made from, and belongs to the Service', () => {
  const lease = demandLease({ service, holder: 'n1', lastUse, leaseSeconds: 10 });
  expect(lease.metadata).toEqual({ namespace: 'shop', name: 'demand.web.n1', labels: { [DEMAND_LABEL]: 'web' }, ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name: 'web', uid: 'u1' }] });
  expect(demandOf(lease)).toEqual({ namespace: 'shop', service: 'web', holder: 'n1', lastUse, until: lastUse + 10_000 });
});

test('any holder has a name of its own', () => {
  const name = (holder: string) => demandLease({ service, holder, lastUse, leaseSeconds: 0.2 }).metadata.name;
  expect(name('Node 1')).toMatch(/^demand\.web\.[0-9a-f]{1,16}$/);
  expect(name('Node 1')).not.toBe(name('Node 2'));
  expect(name('n'.repeat(253))).toMatch(/^demand\.web\.[0-9a-f]{1,16}$/);
});

test('other leases say nothing of demand', () => {
  const lease = demandLease({ service, holder: 'n1', lastUse, leaseSeconds: 10 });
  expect(demandOf({ ...lease, metadata: { name: 'x' } })).toBeUndefined();
  expect(demandOf({ ...lease, spec: { ...lease.spec, renewTime: undefined } })).toBeUndefined();
});

test('only the value true holds requests', () => {
  expect(holdsRequests({ metadata: { annotations: { [HOLD_ANNOTATION]: 'true' } } })).toBe(true);
  expect(holdsRequests({ metadata: { annotations: { [HOLD_ANNOTATION]: '1' } } })).toBe(false);
  expect(holdsRequests({ metadata: {} })).toBe(false);
});
