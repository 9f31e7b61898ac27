import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { memoryStore } from '@orrery/store-memory';
import { ApiError, ConfigMap, createOrchestrator, Deployment, Namespace, type Orchestrator, Pod, ReplicaSet, Service, type StatusReason, type WatchEvent } from '../index.js';
import { VirtualClock } from '../testing/virtual-clock.js';

let clock: VirtualClock;
let orchestrator: Orchestrator;

beforeEach(async () => {
  clock = new VirtualClock();
  orchestrator = await createOrchestrator({ plugins: [memoryStore()], clock });
  await orchestrator.start();
});
afterEach(async () => {
  await orchestrator.stop();
  expect(clock.pending).toBe(0);
});

const pod = (name: string, more: object = {}): Pod => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers: [{ name: 'c', image: 'i' }], ...more } }) as Pod;
const map = (name: string, data: Record<string, string> = {}, meta: object = {}): ConfigMap => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...meta }, data });
const deployment = (changes: object = {}, name = 'd'): object => {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec: { replicas: 1, selector: { matchLabels: labels }, template, ...changes } };
};
const refused = async (promise: Promise<unknown>, reason: StatusReason): Promise<ApiError> => {
  const error = await promise.then((value) => value, (thrown: unknown) => thrown);
  if (!ApiError.is(error)) throw new Error(`expected a refusal, got ${JSON.stringify(error)}`);
  expect(error.reason).toBe(reason);
  return error;
};
const causes = (error: ApiError): string[] => (error.details.causes ?? []).map(({ field, reason }) => `${field} ${reason}`);

describe('bad manifests', () => {
  const cases: readonly [what: string, manifest: object, reason: StatusReason, words: RegExp | readonly string[]][] = [
    ['a wrong type', deployment({ replicas: 'three' }), 'BadRequest', /spec\.replicas/],
    ['a negative count', deployment({ replicas: -1 }), 'Invalid', ['spec.replicas FieldValueInvalid']],
    ['a selector that does not match', deployment({ selector: { matchLabels: { app: 'other' } } }), 'Invalid', ['spec.template.metadata.labels FieldValueInvalid']],
    ['a bad name', deployment({}, 'No_Good'), 'Invalid', /metadata\.name/],
    ['no containers', pod('p', { containers: [] }), 'Invalid', ['spec.containers FieldValueRequired']],
    ['two containers of one name', pod('p', { containers: [{ name: 'c', image: 'i' }, { name: 'c', image: 'i' }] }), 'Invalid', ['spec.containers[1].name FieldValueDuplicate']],
    ['a bad quantity', pod('p', { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: 'much' } } }] }), 'BadRequest', /quantit/i],
    ['a bad label', map('m', {}, { labels: { 'a b': 'x' } }), 'Invalid', /metadata\.labels/],
    ['an object of 10 MB', map('m', { a: 'x'.repeat(10_000_000) }), 'RequestEntityTooLarge', /limit is/],
    ['a prototype key', JSON.parse('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"},"data":{"__proto__":"x"}}') as object, 'BadRequest', /__proto__/],
    ['a constructor key deep inside', JSON.parse('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m","labels":{"constructor":"x"}}}') as object, 'BadRequest', /constructor/],
    ['no kind', { apiVersion: 'v1', metadata: { name: 'm' } }, 'BadRequest', /kind not set/],
    ['an unknown kind', { apiVersion: 'v1', kind: 'Toaster', metadata: { name: 'm' } }, 'BadRequest', /no matches for kind "Toaster"/],
    ['metadata that is a list', { apiVersion: 'v1', kind: 'ConfigMap', metadata: [] }, 'BadRequest', /metadata/],
    ['a namespace that does not exist', map('m', {}, { namespace: 'nowhere' }), 'NotFound', /namespaces "nowhere" not found/],
  ];
  it.each(cases)('%s is refused by name, and nothing is applied', async (_what, manifest, reason, words) => {
    const error = await refused(orchestrator.client.apply(manifest), reason);
    if (words instanceof RegExp) expect(error.message).toMatch(words);
    else expect(causes(error)).toEqual(words);
    expect((await orchestrator.client.kind(ConfigMap).list()).items).toEqual([]);
    expect((await orchestrator.client.kind(Deployment).list()).items).toEqual([]);
    expect((await orchestrator.client.kind(Pod).list()).items).toEqual([]);
  });

  it('unknown fields are refused when strict, warned about or dropped otherwise', async () => {
    const manifest = { ...map('m'), dta: { a: 'x' } };
    const error = await refused(orchestrator.client.kind(ConfigMap).create(manifest, { fieldValidation: 'Strict' }), 'BadRequest');
    expect(error.message).toBe('ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "dta"');
    expect(await orchestrator.client.kind(ConfigMap).create(manifest)).not.toHaveProperty('dta');
  });

  it('immutable fields', async () => {
    await orchestrator.client.apply(deployment());
    const error = await refused(orchestrator.client.apply(deployment({ selector: { matchLabels: { app: 'x' } }, template: { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image: 'i' }] } } })), 'Invalid');
    expect(causes(error)).toEqual(['spec.selector FieldValueInvalid']);
    await orchestrator.client.apply(pod('p'));
    expect(causes(await refused(orchestrator.client.kind(Pod).patch({ name: 'p' }, 'merge', { spec: { restartPolicy: 'Never' } }), 'Invalid'))).toEqual(['spec FieldValueForbidden']);
  });

  it('YAML: alias bombs, duplicate keys, tabs and binary get a line; the process lives on', async () => {
    const bomb = `a: &a [${'x,'.repeat(9)}x]\nb: &b [${'*a,'.repeat(9)}*a]\nc: &c [${'*b,'.repeat(9)}*b]\nd: &d [${'*c,'.repeat(9)}*c]\ne: [${'*d,'.repeat(9)}*d]`;
    expect((await refused(orchestrator.client.apply(bomb), 'BadRequest')).message).toMatch(/alias/i);
    expect((await refused(orchestrator.client.apply('apiVersion: v1\nkind: ConfigMap\nkind: Pod'), 'BadRequest')).message).toMatch(/line 3.*unique/i);
    expect((await refused(orchestrator.client.apply('a: b\n\tc: d'), 'BadRequest')).message).toMatch(/line 2/);
    await refused(orchestrator.client.apply('just text'), 'BadRequest');
    await refused(orchestrator.client.apply(`a: ${'['.repeat(5_000)}`), 'BadRequest');
    await refused(orchestrator.client.apply('x'.repeat(4_000_000)), 'RequestEntityTooLarge');
    expect(await orchestrator.client.apply('---\n---\n# nothing\n')).toEqual([]);
  });

  it('all manifests are read before the first is sent', async () => {
    await refused(orchestrator.client.apply([map('first'), { apiVersion: 'v1', kind: 'Nonsense', metadata: { name: 'x' } }]), 'BadRequest');
    expect((await orchestrator.client.kind(ConfigMap).list()).items).toEqual([]);
  });
});

describe('apply', () => {
  it('creates, does nothing, changes, and takes away only what it had applied', async () => {
    const maps = orchestrator.client.kind(ConfigMap);
    expect((await orchestrator.client.apply(map('m', { a: '1', b: '2' })))[0]?.action).toBe('created');
    expect((await orchestrator.client.apply(map('m', { a: '1', b: '2' })))[0]?.action).toBe('unchanged');
    await maps.patch({ name: 'm' }, 'merge', { data: { foreign: 'kept' } });
    expect((await orchestrator.client.apply(map('m', { a: '9' })))[0]?.action).toBe('configured');
    expect((await maps.get({ name: 'm' })).data).toEqual({ a: '9', foreign: 'kept' });
  });

  it('keeps what others added to items of keyed lists', async () => {
    const deployments = orchestrator.client.kind(Deployment);
    await orchestrator.client.apply(deployment());
    await deployments.patch({ name: 'd' }, 'strategic', { spec: { template: { spec: { containers: [{ name: 'c', env: [{ name: 'ADDED', value: '1' }] }, { name: 'sidecar', image: 's' }] } } } });
    await orchestrator.client.apply(deployment({ replicas: 3 }));
    const { spec } = await deployments.get({ name: 'd' });
    expect([spec.replicas, spec.template.spec.containers.map(({ name }) => name), spec.template.spec.containers[0]?.env]).toEqual([3, ['c', 'sidecar'], [{ name: 'ADDED', value: '1' }]]);
  });
});

describe('writes', () => {
  it('objects are shared and frozen, with Kubernetes\' metadata', async () => {
    const made = await orchestrator.client.kind(ConfigMap).create({ ...map(''), metadata: { generateName: 'gen-' } });
    expect(made.metadata).toMatchObject({ name: expect.stringMatching(/^gen-[a-z0-9]{5}$/), namespace: 'default', uid: expect.any(String), resourceVersion: expect.any(String), creationTimestamp: '2026-01-01T00:00:00Z' });
    expect(await orchestrator.client.kind(ConfigMap).get({ name: made.metadata.name ?? '' })).toBe(made);
    expect(() => { made.data = {}; }).toThrow(TypeError);
    await refused(orchestrator.client.kind(ConfigMap).create({ ...map(made.metadata.name ?? '') }), 'AlreadyExists');
  });

  it('an update with an outdated version is a conflict; of racing patches none is lost', async () => {
    const maps = orchestrator.client.kind(ConfigMap);
    const first = await maps.create(map('m', { n: '0' }));
    await maps.update({ ...first, data: { n: '1' } });
    expect((await refused(maps.update({ ...first, data: { n: '2' } }), 'Conflict')).message).toContain('the object has been modified');
    await Promise.all(Array.from({ length: 20 }, (_, i) => maps.patch({ name: 'm' }, 'merge', { data: { [`k${i}`]: 'x' } })));
    expect(Object.keys((await maps.get({ name: 'm' })).data ?? {})).toHaveLength(21);
  });

  it('an update that changes nothing is not written; generation counts the spec, status has its own door', async () => {
    const deployments = orchestrator.client.kind(Deployment);
    await orchestrator.client.apply(deployment());
    const first = await deployments.get({ name: 'd' });
    expect((await deployments.update(first)).metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    const scaled = await deployments.patch({ name: 'd' }, 'json', [{ op: 'replace', path: '/spec/replicas', value: 5 }]);
    expect(scaled.metadata.generation).toBe(2);
    const sneaky = await deployments.update({ ...scaled, status: { replicas: 99 } } as Deployment);
    expect(sneaky.status?.replicas).toBeUndefined();
    const reported = await deployments.updateStatus({ ...sneaky, spec: { ...sneaky.spec, replicas: 77 }, status: { replicas: 5 } } as Deployment);
    expect([reported.spec.replicas, reported.status?.replicas, reported.metadata.generation]).toEqual([5, 5, 2]);
    await deployments.scale({ name: 'd' }, 7);
    expect((await deployments.get({ name: 'd' })).spec.replicas).toBe(7);
    const { resourceVersion } = (await deployments.get({ name: 'd' })).metadata;
    await deployments.scale({ name: 'd' }, 8, { resourceVersion });
    await refused(deployments.scale({ name: 'd' }, 9, { resourceVersion }), 'Conflict');
    expect((await deployments.get({ name: 'd' })).spec.replicas).toBe(8);
    await refused(deployments.scale({ name: 'd' }, -1), 'Invalid');
    await refused(orchestrator.client.kind(ConfigMap).scale({ name: 'd' }, 1), 'NotFound');
  });

  it('JSON patches: a failed test changes nothing, forbidden keys are refused', async () => {
    const maps = orchestrator.client.kind(ConfigMap);
    await maps.create(map('m', { a: '1' }));
    await refused(maps.patch({ name: 'm' }, 'json', [{ op: 'replace', path: '/data/a', value: '2' }, { op: 'test', path: '/data/a', value: '3' }]), 'Invalid');
    await refused(maps.patch({ name: 'm' }, 'json', [{ op: 'add', path: '/__proto__/x', value: 1 }]), 'BadRequest');
    await refused(maps.patch({ name: 'm' }, 'merge', 'text'), 'BadRequest');
    await refused(maps.patch({ name: 'm' }, 'merge', { metadata: { name: 'other' } }), 'BadRequest');
    expect((await maps.get({ name: 'm' })).data).toEqual({ a: '1' });
  });

  it('dry runs say what would be, and write nothing', async () => {
    const maps = orchestrator.client.kind(ConfigMap);
    expect((await maps.create(map('m'), { dryRun: true })).metadata.uid).toBeTruthy();
    expect(await maps.find({ name: 'm' })).toBeUndefined();
    await maps.create(map('m', { a: '1' }));
    expect((await maps.patch({ name: 'm' }, 'merge', { data: { a: '2' } }, { dryRun: true })).data).toEqual({ a: '2' });
    await maps.delete({ name: 'm' }, { dryRun: true });
    expect((await maps.get({ name: 'm' })).data).toEqual({ a: '1' });
  });

  it('a pod is bound once, by uid, and not while it ends', async () => {
    const pods = orchestrator.client.kind(Pod);
    const { metadata } = await pods.create(pod('p'));
    await refused(orchestrator.client.bind({ name: 'p', uid: 'other' }, 'n1'), 'Conflict');
    await orchestrator.client.bind({ name: 'p', uid: metadata.uid ?? '' }, 'n1');
    expect((await refused(orchestrator.client.bind({ name: 'p' }, 'n2'), 'Conflict')).message).toContain('already assigned to node "n1"');
    expect((await pods.get({ name: 'p' })).status?.conditions?.[0]).toMatchObject({ type: 'PodScheduled', status: 'True' });
    await refused(orchestrator.client.bind({ name: 'p' }, '../etc'), 'BadRequest');
  });
});

describe('deletes', () => {
  it('finalizers hold an object until the last is gone', async () => {
    const maps = orchestrator.client.kind(ConfigMap);
    await maps.create(map('m', {}, { finalizers: ['example.com/a', 'example.com/b'] }));
    const ending = await maps.delete({ name: 'm' });
    expect(ending.metadata.deletionTimestamp).toBeTruthy();
    await maps.patch({ name: 'm' }, 'merge', { metadata: { finalizers: ['example.com/b'] } });
    expect(await maps.find({ name: 'm' })).toBeDefined();
    await refused(maps.patch({ name: 'm' }, 'merge', { metadata: { finalizers: ['example.com/b', 'example.com/new'] } }), 'Invalid');
    await maps.patch({ name: 'm' }, 'merge', { metadata: { finalizers: null } });
    expect(await maps.find({ name: 'm' })).toBeUndefined();
  });

  it('a pod on a node gets its grace, which can be shortened and not lengthened', async () => {
    const pods = orchestrator.client.kind(Pod);
    await pods.create(pod('p', { nodeName: 'n1', terminationGracePeriodSeconds: 30 }));
    const first = await pods.delete({ name: 'p' });
    expect([first.metadata.deletionGracePeriodSeconds, first.metadata.deletionTimestamp]).toEqual([30, '2026-01-01T00:00:30Z']);
    expect((await pods.delete({ name: 'p' }, { gracePeriodSeconds: 60 })).metadata.deletionGracePeriodSeconds).toBe(30);
    expect((await pods.delete({ name: 'p' }, { gracePeriodSeconds: 5 })).metadata.deletionGracePeriodSeconds).toBe(5);
    await pods.delete({ name: 'p' }, { gracePeriodSeconds: 0 });
    expect(await pods.find({ name: 'p' })).toBeUndefined();
    await refused(pods.delete({ name: 'p' }), 'NotFound');
  });

  it('preconditions, propagation and collections', async () => {
    const maps = orchestrator.client.kind(ConfigMap);
    const { metadata } = await maps.create(map('m'));
    await refused(maps.delete({ name: 'm' }, { preconditions: { uid: 'other' } }), 'Conflict');
    await refused(maps.delete({ name: 'm' }, { preconditions: { resourceVersion: '1' } }), 'Conflict');
    expect((await maps.delete({ name: 'm' }, { preconditions: { uid: metadata.uid ?? '' }, propagationPolicy: 'Foreground' })).metadata.finalizers).toEqual(['foregroundDeletion']);
    for (const name of ['a', 'b', 'c']) await maps.create(map(name, {}, { labels: { x: name === 'c' ? 'no' : 'yes' } }));
    expect((await maps.deleteCollection({ namespace: 'default', labelSelector: 'x=yes' })).items.map((item) => item.metadata.name)).toEqual(['a', 'b']);
    expect((await maps.list({ namespace: 'default', labelSelector: 'x' })).items.map((item) => item.metadata.name)).toEqual(['c']);
  });
});

describe('lists and watches', () => {
  it('pages show the state of the first, whatever is written in between', async () => {
    const maps = orchestrator.client.kind(ConfigMap);
    for (let i = 0; i < 25; i += 1) await maps.create(map(`m${String(i).padStart(2, '0')}`));
    const first = await maps.list({ limit: 10 });
    expect(first.metadata.remainingItemCount).toBe(15);
    await maps.create(map('m05x'));
    await maps.delete({ name: 'm20' });
    const second = await maps.list({ limit: 10, continue: first.metadata.continue ?? '' });
    const third = await maps.list({ limit: 10, continue: second.metadata.continue ?? '' });
    expect([...first.items, ...second.items, ...third.items].map((item) => item.metadata.name)).toEqual(Array.from({ length: 25 }, (_, i) => `m${String(i).padStart(2, '0')}`));
    expect(third.metadata.continue).toBeUndefined();
    await refused(maps.list({ limit: 10, continue: 'nonsense' }), 'BadRequest');
  });

  it('selectors select, and what cannot be selected by is refused', async () => {
    const pods = orchestrator.client.kind(Pod);
    for (const name of ['a', 'b']) await pods.create({ ...pod(name), metadata: { name, labels: { tier: name } } });
    await orchestrator.client.bind({ name: 'b' }, 'n1');
    const names = async (options: object): Promise<unknown> => (await pods.list(options)).items.map((item) => item.metadata.name);
    expect(await names({ fieldSelector: 'spec.nodeName=n1' })).toEqual(['b']);
    expect(await names({ fieldSelector: 'spec.nodeName!=n1' })).toEqual(['a']);
    expect(await names({ labelSelector: 'tier in (a,c)' })).toEqual(['a']);
    await refused(pods.list({ fieldSelector: 'spec.color=red' }), 'BadRequest');
    await refused(pods.list({ labelSelector: 'a in (' }), 'BadRequest');
  });

  const collect = async (events: AsyncIterable<WatchEvent>, count: number): Promise<string[]> => {
    const seen: string[] = [];
    for await (const event of events) {
      if (event.type !== 'BOOKMARK') seen.push(`${event.type} ${event.object.metadata.name}`);
      if (seen.length === count) break;
    }
    return seen;
  };

  it('a watch by field follows objects in and out of its selection', async () => {
    const pods = orchestrator.client.kind(Pod);
    const signal = new AbortController().signal;
    const { resourceVersion } = (await pods.list()).metadata;
    const onNode = collect(pods.watch({ fieldSelector: 'spec.nodeName=n1', resourceVersion }, signal), 2);
    const unbound = collect(pods.watch({ fieldSelector: 'spec.nodeName=', resourceVersion }, signal), 2);
    await pods.create(pod('p'));
    await pods.create(pod('elsewhere', { nodeName: 'n2' }));
    await orchestrator.client.bind({ name: 'p' }, 'n1');
    await pods.delete({ name: 'p' }, { gracePeriodSeconds: 0 });
    expect(await onNode).toEqual(['ADDED p', 'DELETED p']);
    expect(await unbound).toEqual(['ADDED p', 'DELETED p']);
  });

  it('a bookmark follows what is there from the beginning, though nothing of the kind ever happens again', async () => {
    await orchestrator.client.kind(ConfigMap).create(map('still'));
    await orchestrator.client.kind(Pod).create(pod('other'));
    const seen: string[] = [];
    for await (const event of orchestrator.client.kind(ConfigMap).watch({ allowWatchBookmarks: true }, new AbortController().signal)) {
      seen.push(`${event.type} ${event.type === 'BOOKMARK' ? '' : event.object.metadata.name}`.trim());
      if (event.type === 'BOOKMARK') break;
    }
    expect(seen).toEqual(['ADDED still', 'BOOKMARK']);
  });

  it('bookmarks come in silence; a malformed version is refused; an ended signal ends the watch', async () => {
    const maps = orchestrator.client.kind(ConfigMap);
    const abort = new AbortController();
    const { resourceVersion } = (await maps.list()).metadata;
    const seen: string[] = [];
    const watching = (async () => {
      for await (const event of maps.watch({ resourceVersion, allowWatchBookmarks: true }, abort.signal)) seen.push(event.type);
    })();
    await clock.advance(35_000);
    expect(seen.filter((type) => type === 'BOOKMARK').length).toBeGreaterThanOrEqual(3);
    abort.abort();
    await watching;
    await expect(collect(maps.watch({ resourceVersion: 'x' }, new AbortController().signal), 1)).rejects.toMatchObject({ reason: 'BadRequest' });
  });
});

describe('namespaces', () => {
  it('nothing new goes into one that ends', async () => {
    const namespaces = orchestrator.client.kind(Namespace);
    await namespaces.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team', finalizers: ['example.com/hold'] } } as Namespace);
    await namespaces.delete({ name: 'team' });
    const error = await refused(orchestrator.client.kind(ConfigMap).create(map('m', {}, { namespace: 'team' })), 'Forbidden');
    expect(error.details.causes?.[0]?.reason).toBe('NamespaceTerminating');
  });

  it('cluster-scoped objects take none, and Services and ReplicaSets are there', async () => {
    expect((await orchestrator.client.kind(Namespace).list()).items.map((item) => item.metadata.name)).toEqual(['default', 'kube-node-lease', 'kube-public', 'kube-system']);
    expect((await orchestrator.client.kind(Service).list()).items).toEqual([]);
    expect((await orchestrator.client.kind(ReplicaSet).list()).kind).toBe('ReplicaSetList');
  });
});
