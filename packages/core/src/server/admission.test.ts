import { MemoryStore } from '@orrery/store-memory';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Admission, AdmissionRequest } from '../contracts/admission.js';
import { silentLogger } from '../kernel/logger.js';
import { systemClock, systemRandom } from '../kernel/platform.js';
import { ApiError } from '../model/api-error.js';
import { builtinKinds } from '../model/builtin-kinds.js';
import type { Deployment } from '../model/kinds/deployment.js';
import type { Pod } from '../model/kinds/pod.js';
import type { KubeObject } from '../model/object.js';
import { KindRegistry } from '../model/registry.js';
import { ApiServer } from './server.js';

// What steps of admission are told, and what they may do.

const user = { name: 'anna', groups: ['team'] };
let steps: Admission[];
let server: ApiServer;
let store: MemoryStore;
let ended: Promise<void>;
let stopping: AbortController;
beforeEach(async () => {
  steps = [];
  stopping = new AbortController();
  store = new MemoryStore({ clock: systemClock });
  server = new ApiServer({ store, kinds: new KindRegistry(builtinKinds), clock: systemClock, random: systemRandom, log: silentLogger, admissions: { items: () => steps } });
  await new Promise<void>((ready) => (ended = server.run(stopping.signal, ready)));
});
afterEach(async () => {
  stopping.abort();
  await ended;
  await store.close();
});

const ref = { group: '', version: 'v1', resource: 'pods', namespace: 'default' };
const pod = (name: string, more: object = {}): object => ({ metadata: { name, ...more }, spec: { containers: [{ name: 'c', image: 'web' }] } });
const create = (body: object, more: object = {}) => server.request({ verb: 'create', user, ref, body, ...more }) as Promise<Pod>;
const json = (value: unknown): Record<string, never> => JSON.parse(JSON.stringify(value)) as Record<string, never>;
/** A step that has the object from elsewhere. */
const replacing = (change: (object: Record<string, any>, request: AdmissionRequest) => void): Admission => ({
  name: 'elsewhere',
  mutate: (request) => {
    const other = json(request.object);
    change(other, request);
    request.replace(other);
  },
});

describe('an object from elsewhere takes the place of the draft', () => {
  it('decoded, with defaults, and is checked', async () => {
    steps = [replacing(({ spec, metadata }) => (spec.containers.push({ name: 'side', image: 'car:latest', unknown: 1 }), (metadata.labels = { a: 'b' })))];
    const made = await create(pod('p'));
    expect(made.spec.containers[1]).toMatchObject({ name: 'side', imagePullPolicy: 'Always', terminationMessagePath: '/dev/termination-log' });
    expect(made.spec.containers[1]).not.toHaveProperty('unknown');
    expect(made.metadata.labels).toEqual({ a: 'b' });
    steps = [replacing(({ spec }) => (spec.containers[0].name = 'Not A Name'))];
    await expect(create(pod('q'))).rejects.toMatchObject({ reason: 'Invalid', details: { causes: [{ field: 'spec.containers[0].name' }] } });
    steps = [replacing(({ spec }) => (spec.containers = 'none'))];
    await expect(create(pod('q'))).rejects.toMatchObject({ reason: 'BadRequest' });
    steps = [replacing((object) => Object.defineProperty(object, '__proto__', { value: { a: 1 }, enumerable: true }))];
    await expect(create(pod('q'))).rejects.toMatchObject({ reason: 'BadRequest' });
  });

  it('and stays the one that was asked for', async () => {
    steps = [replacing(({ metadata }) => Object.assign(metadata, { uid: 'other', creationTimestamp: '2000-01-01T00:00:00Z', generation: 7, resourceVersion: '1' })), replacing((object) => (object['status'] = { phase: 'Running' }))];
    const made = await create(pod('p'));
    expect(made.metadata.uid).not.toBe('other');
    expect(made.metadata.creationTimestamp).not.toContain('2000');
    expect([made.status?.phase, made.metadata.generation]).toEqual(['Pending', 1]);
    steps = [replacing(({ metadata }) => (metadata.name = 'other'))];
    await expect(create(pod('q'))).rejects.toThrow('name of the object may not be changed');
    steps = [replacing(({ metadata }) => (metadata.namespace = 'kube-system'))];
    await expect(create(pod('q'))).rejects.toThrow('namespace');
  });

  it('of an update no more than that may change', async () => {
    const made = await create(pod('p'));
    steps = [replacing((object) => ((object['spec'].containers[0].image = 'other'), (object['status'] = { ...object['status'], phase: 'Running' }), (object['metadata'].labels = { by: 'step' })))];
    const status = (await server.request({ verb: 'patch', type: 'merge', user, ref: { ...ref, name: 'p', subresource: 'status' }, body: { status: { message: 'hello' } } })) as Pod;
    expect([status.spec.containers[0]?.image, status.status?.phase, status.status?.message]).toEqual(['web', 'Running', 'hello']);
    const updated = (await server.request({ verb: 'update', user, ref: { ...ref, name: 'p' }, body: json({ ...made, metadata: { ...made.metadata, resourceVersion: undefined } }) })) as Pod;
    expect([updated.spec.containers[0]?.image, updated.status?.message, updated.metadata.labels]).toEqual(['other', 'hello', { by: 'step' }]);
    expect(updated.metadata.managedFields).toBeUndefined();
    steps = [replacing(({ spec }) => (spec.nodeName = 'n1'))];
    await expect(server.request({ verb: 'patch', type: 'merge', user, ref: { ...ref, name: 'p' }, body: { metadata: { labels: { x: 'y' } } } })).rejects.toMatchObject({ reason: 'Invalid' });
  });

  it('counts as a change of what is wanted', async () => {
    const deployments = { group: 'apps', version: 'v1', resource: 'deployments', namespace: 'default' };
    const body = { metadata: { name: 'd' }, spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'web' }] } } } };
    await server.request({ verb: 'create', user, ref: deployments, body });
    steps = [replacing(({ spec }) => (spec.replicas = 4))];
    const changed = (await server.request({ verb: 'patch', type: 'merge', user, ref: { ...deployments, name: 'd' }, body: { metadata: { labels: { x: 'y' } } } })) as Deployment;
    expect([changed.spec.replicas, changed.metadata.generation]).toEqual([4, 2]);
  });
});

describe('a second round', () => {
  it('is given once, to all mutating steps, with the same request', async () => {
    const seen: { readonly who: string; readonly isAgain: boolean; readonly request: AdmissionRequest }[] = [];
    const step = (who: string, wants: boolean): Admission => ({ name: who, mutate: (request) => (seen.push({ who, isAgain: request.isAgain, request }), wants ? request.again() : undefined) });
    steps = [step('a', false), step('b', true)];
    await create(pod('p'));
    expect(seen.map(({ who, isAgain }) => [who, isAgain])).toEqual([['a', false], ['b', false], ['a', true], ['b', true]]);
    expect(new Set(seen.map(({ request }) => request)).size).toBe(1);
    seen.length = 0;
    steps = [step('a', false)];
    await create(pod('q'));
    expect(seen).toHaveLength(1);
  });
});

describe('a step is told', () => {
  it('what was asked for, and tells what it has to say', async () => {
    const seen: [string, unknown][] = [];
    const said: unknown[] = [];
    steps = [{ name: 'listener', validate: (request) => (seen.push([request.operation, request.options]), request.annotate('k', 'v'), request.warn('careful')) }];
    const telling = { annotate: (...args: unknown[]) => said.push(args), warn: (text: string) => said.push(text) };
    await create(pod('p'), { ...telling, fieldManager: 'me', fieldValidation: 'Strict', dryRun: true });
    await create(pod('p'));
    await server.request({ verb: 'patch', type: 'merge', user, ref: { ...ref, name: 'p' }, body: { metadata: { labels: { a: 'b' } } } });
    await server.request({ verb: 'create', user, ref: { ...ref, name: 'p', subresource: 'eviction' }, body: { deleteOptions: { gracePeriodSeconds: 5 } } });
    await create(pod('p'));
    await server.request({ verb: 'delete', user, ref: { ...ref, name: 'p' }, options: { gracePeriodSeconds: 0, preconditions: {} } });
    const of = (kind: string, more: object = {}) => ({ kind, apiVersion: 'meta.k8s.io/v1', ...more });
    expect(seen).toEqual([
      ['CREATE', of('CreateOptions', { dryRun: ['All'], fieldManager: 'me', fieldValidation: 'Strict' })],
      ['CREATE', of('CreateOptions')],
      ['UPDATE', of('PatchOptions')],
      ['DELETE', of('DeleteOptions', { gracePeriodSeconds: 5 })],
      ['CREATE', of('CreateOptions')],
      ['DELETE', of('DeleteOptions', { gracePeriodSeconds: 0, preconditions: {} })],
    ]);
    expect(said).toEqual([['k', 'v'], 'careful']);
  });

  it('when nobody waits any more', async () => {
    const stop = new AbortController();
    let signal: AbortSignal | undefined;
    steps = [{ name: 'slow', validate: ({ signal: given }) => ((signal = given), stop.abort(), Promise.reject(new ApiError('Timeout', String(given?.aborted)))) }];
    await expect(server.request({ verb: 'create', user, ref, body: pod('p') }, stop.signal)).rejects.toThrow('true');
    expect(signal).toBe(stop.signal);
    const left = (await server.request({ verb: 'list', user, ref })) as { readonly items: readonly KubeObject[] } & KubeObject;
    expect(left.items).toEqual([]);
  });
});
