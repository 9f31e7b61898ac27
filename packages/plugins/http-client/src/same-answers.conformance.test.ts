import { ApiError, type ApiRequest, ConfigMap, Deployment, type KubeList, type KubeObject, Lease, Namespace, Pod, type ResourceRef, systemClock, type Transport, type WatchEvent } from '@orrery/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HttpTransport } from './http-transport.js';
import { Served } from './test/served.js';

let served: Served;
let line: HttpTransport;
beforeAll(async () => {
  served = await Served.start();
  line = new HttpTransport({ connection: served.connection, clock: systemClock });
});
afterAll(async () => {
  line.close();
  await served.stop();
});

const user = { name: 'anna', groups: ['team', 'system:authenticated'] };
const refOf = (kind: { group: string; version: string; plural: string }, more: Partial<ResourceRef> = {}): ResourceRef => ({ group: kind.group, version: kind.version, resource: kind.plural, ...more });

/** What two runs of the same requests cannot agree on. */
function comparable(value: unknown, place: string): unknown {
  const volatile = new Set(['uid', 'resourceVersion', 'creationTimestamp', 'deletionTimestamp', 'time', 'continue']);
  const text = JSON.stringify(value, (key, inner: unknown) => (volatile.has(key) && typeof inner === 'string' ? `<${key}>` : inner));
  return JSON.parse(text.replaceAll(place, '<place>').replace(/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<uid>'));
}

/** The request's outcome: the answer, or the refusal with all it says; and the warnings. */
async function outcome(transport: Transport, request: ApiRequest, place: string): Promise<unknown> {
  const warnings: string[] = [];
  const asked = { ...request, user, warn: (text: string) => warnings.push(text) } as ApiRequest;
  try {
    return { answer: comparable(await transport.request(asked), place), warnings };
  } catch (error) {
    if (!ApiError.is(error)) throw error;
    return { refusal: comparable({ reason: error.reason, code: error.code, message: error.message, details: error.details }, place), warnings };
  }
}

const map = (namespace: string, name: string, data: Record<string, string> = {}): object => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name, labels: { odd: 'yes' } }, data });
const pod = (namespace: string, name: string): object => ({ apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name }, spec: { containers: [{ name: 'c', image: 'x' }] } });

/** Requests one after another in a namespace; each sees what those before it did. */
function requests(namespace: string): ApiRequest[] {
  const maps = refOf(ConfigMap, { namespace });
  const one: ResourceRef = { ...maps, name: 'one' };
  const pods = refOf(Pod, { namespace });
  const deployments = refOf(Deployment, { namespace });
  const web: ResourceRef = { ...deployments, name: 'web' };
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'x' }] } };
  const base = { user };
  return [
    { ...base, verb: 'create', ref: refOf(Namespace), body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } } },
    { ...base, verb: 'get', ref: one },
    { ...base, verb: 'create', ref: maps, body: map(namespace, 'one', { a: '1', 'key with é': 'ü "quoted" \n' }), fieldManager: 'tester' },
    { ...base, verb: 'create', ref: maps, body: map(namespace, 'one') },
    { ...base, verb: 'create', ref: maps, body: map(namespace, 'Not A Name') },
    { ...base, verb: 'create', ref: maps, body: { ...map(namespace, 'strict'), nonsense: 1 }, fieldValidation: 'Strict' },
    { ...base, verb: 'create', ref: maps, body: { ...map(namespace, 'warned'), nonsense: 1 }, fieldValidation: 'Warn', fieldManager: 'tester' },
    { ...base, verb: 'create', ref: maps, body: map(namespace, 'dry'), dryRun: true, fieldManager: 'tester' },
    { ...base, verb: 'get', ref: { ...maps, name: 'dry' } },
    { ...base, verb: 'get', ref: one },
    { ...base, verb: 'update', ref: one, body: map(namespace, 'one', { a: '2' }), fieldManager: 'tester' },
    { ...base, verb: 'update', ref: one, body: { ...map(namespace, 'one'), metadata: { namespace, name: 'one', resourceVersion: '1' } }, fieldManager: 'tester' },
    { ...base, verb: 'patch', ref: one, type: 'merge', body: { data: { b: '3', a: null } }, fieldManager: 'tester' },
    { ...base, verb: 'patch', ref: one, type: 'json', body: [{ op: 'test', path: '/data/b', value: 'no' }], fieldManager: 'tester' },
    { ...base, verb: 'patch', ref: one, type: 'json', body: [{ op: 'add', path: '/data/c', value: '4' }], fieldManager: 'tester' },
    { ...base, verb: 'patch', ref: one, type: 'strategic', body: { metadata: { labels: { more: 'yes' } } }, fieldManager: 'tester' },
    { ...base, verb: 'patch', ref: one, type: 'apply', body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name: 'one' }, data: { b: 'mine' } }, fieldManager: 'applier' },
    { ...base, verb: 'patch', ref: one, type: 'apply', body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name: 'one' }, data: { b: 'mine' } }, fieldManager: 'applier', force: true },
    { ...base, verb: 'create', ref: deployments, body: { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { namespace, name: 'web' }, spec: { selector: { matchLabels: { app: 'web' } }, template } }, fieldManager: 'tester' },
    { ...base, verb: 'create', ref: deployments, body: { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { namespace, name: 'bad' }, spec: { selector: { matchLabels: { app: 'web' } }, template: { ...template, spec: { containers: [] } } } } },
    { ...base, verb: 'get', ref: { ...web, subresource: 'scale' } },
    { ...base, verb: 'patch', ref: { ...web, subresource: 'scale' }, type: 'merge', body: { spec: { replicas: 3 } }, fieldManager: 'tester' },
    { ...base, verb: 'patch', ref: { ...web, subresource: 'status' }, type: 'merge', body: { status: { replicas: 2 } }, fieldManager: 'tester' },
    { ...base, verb: 'create', ref: pods, body: pod(namespace, 'p'), fieldManager: 'tester' },
    { ...base, verb: 'create', ref: { ...pods, name: 'gone', subresource: 'binding' }, body: { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'gone', namespace }, target: { kind: 'Node', name: 'n' } } },
    { ...base, verb: 'create', ref: { ...pods, name: 'gone', subresource: 'eviction' }, body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'gone', namespace } } },
    { ...base, verb: 'list', ref: maps },
    { ...base, verb: 'list', ref: maps, limit: 1 },
    { ...base, verb: 'list', ref: maps, labelSelector: 'odd=yes,more' },
    { ...base, verb: 'list', ref: maps, labelSelector: '((' },
    { ...base, verb: 'list', ref: pods, fieldSelector: 'spec.nodeName=,metadata.name=p' },
    { ...base, verb: 'list', ref: pods, fieldSelector: 'spec.nonsense=1' },
    { ...base, verb: 'list', ref: refOf(Lease, { namespace }) },
    { ...base, verb: 'list', ref: { group: 'example.com', version: 'v1', resource: 'nothings', namespace } },
    { ...base, verb: 'delete', ref: one, options: { preconditions: { uid: 'another' } } },
    { ...base, verb: 'delete', ref: { ...maps, name: 'nobody' }, options: {} },
    { ...base, verb: 'delete', ref: web, options: { propagationPolicy: 'Foreground', dryRun: true } },
    { ...base, verb: 'delete', ref: web, options: { propagationPolicy: 'Foreground' } },
    { ...base, verb: 'deletecollection', ref: maps, options: {}, labelSelector: 'odd=yes' },
    { ...base, verb: 'list', ref: maps },
  ];
}

const title = (request: ApiRequest): string => `${request.verb} ${request.ref.resource}${request.ref.name === undefined ? '' : ` ${request.ref.name}`}${request.ref.subresource === undefined ? '' : `/${request.ref.subresource}`}`;

describe('the same requests in the process and over HTTPS', () => {
  it('have the same outcome, one by one', async () => {
    const [here, there] = [requests('here-namespace'), requests('over-namespace')];
    const unlike: unknown[] = [];
    for (const [i, request] of here.entries()) {
      const direct = await outcome(served.transport, request, 'here-namespace');
      const wired = await outcome(line, there[i] as ApiRequest, 'over-namespace');
      try {
        expect(wired).toEqual(direct);
      } catch (error) {
        unlike.push(`${i} ${title(request)}: ${(error as Error).message}`);
      }
    }
    expect(unlike).toEqual([]);
  });

  it('a deletion that leaves nothing tells what was deleted', async () => {
    const ref = refOf(ConfigMap, { namespace: 'default' });
    const made = (await line.request({ verb: 'create', user, ref, body: map('default', 'short') })) as KubeObject;
    const gone = (await line.request({ verb: 'delete', user, ref: { ...ref, name: 'short' }, options: {} })) as KubeObject;
    expect(gone.metadata).toEqual({ namespace: 'default', name: 'short', uid: made.metadata.uid });
  });

  it('pages of a list join into the whole', async () => {
    const ref = refOf(ConfigMap, { namespace: 'default' });
    for (let i = 0; i < 5; i += 1) await line.request({ verb: 'create', user, ref, body: map('default', `page-${i}`) });
    const names: (string | undefined)[] = [];
    let next: string | undefined;
    do {
      const page = (await line.request({ verb: 'list', user, ref, limit: 2, ...(next !== undefined && { continue: next }) })) as KubeList;
      expect(page.items.length).toBeLessThanOrEqual(2);
      names.push(...page.items.map(({ metadata }) => metadata.name));
      next = page.metadata.continue;
    } while (next !== undefined && next !== '');
    expect(names).toEqual([0, 1, 2, 3, 4].map((i) => `page-${i}`));
  });

  it('a watch tells the same events in the same order', async () => {
    const namespace = 'default';
    const ref = refOf(ConfigMap, { namespace });
    const { metadata } = (await line.request({ verb: 'list', user, ref })) as KubeList;
    const stop = new AbortController();
    const follow = async (transport: Transport): Promise<WatchEvent[]> => {
      const seen: WatchEvent[] = [];
      for await (const chunk of transport.watch({ user, ref, resourceVersion: metadata.resourceVersion, allowWatchBookmarks: true }, stop.signal)) {
        for (const event of chunk) if (event.type !== 'BOOKMARK') seen.push(event);
        if (seen.length === 5) break;
      }
      return seen;
    };
    const both = Promise.all([follow(served.transport), follow(line)]);
    await line.request({ verb: 'create', user, ref, body: map(namespace, 'w1') });
    await line.request({ verb: 'patch', user, ref: { ...ref, name: 'w1' }, type: 'merge', body: { data: { x: 'y' } } });
    await line.request({ verb: 'create', user, ref, body: map(namespace, 'w2', { big: 'é'.repeat(300_000) }) });
    await line.request({ verb: 'delete', user, ref: { ...ref, name: 'w1' }, options: {} });
    await line.request({ verb: 'delete', user, ref: { ...ref, name: 'w2' }, options: {} });
    const [direct, wired] = await both;
    expect(wired).toEqual(direct);
    expect(wired.map(({ type }) => type)).toEqual(['ADDED', 'MODIFIED', 'ADDED', 'DELETED', 'DELETED']);
    expect(wired.every(({ object }) => Object.isFrozen(object) && Object.isFrozen(object.metadata))).toBe(true);
  });

  it('a watch without a version begins with what there is', async () => {
    const ref = refOf(Namespace);
    for await (const chunk of line.watch({ user, ref }, new AbortController().signal)) {
      expect(chunk.map(({ type }) => type)).toContain('ADDED');
      break;
    }
  });
});
