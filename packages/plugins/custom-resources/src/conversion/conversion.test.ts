import { createOrchestrator, definePlugin, type KindDefinition, type KubeObject, type Orchestrator, ServedKinds, Store, systemClock } from '@orrery/core';
import { type Answering, WebhookServer } from '@orrery/engines';
import { MemoryStore } from '@orrery/store-memory';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { customResources } from '../index.js';

// Versions with different fields, which a real webhook over HTTPS makes each other: `address: "h:1"` in v1, `host` and `port` in v1beta1.

type Any = any;
const GROUP = 'net.example.com';
let server: WebhookServer;
let store: MemoryStore;
let orchestrator: Orchestrator;

const convert = (object: Any, to: string): Any => {
  if (to === `${GROUP}/v1`) {
    const { host, port, ...spec } = object.spec;
    return { ...object, apiVersion: to, spec: { ...spec, address: `${host}:${port}` } };
  }
  const { address, ...spec } = object.spec;
  const [host, port] = address.split(':');
  return { ...object, apiVersion: to, spec: { ...spec, host, port: Number(port) } };
};
const answer = (response: (request: Any) => object): Answering => ({ body }) => ({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'ConversionReview', response: { uid: body.request.uid, result: { status: 'Success' }, ...response(body.request) } });
const good = answer(({ objects, desiredAPIVersion }) => ({ convertedObjects: objects.map((object: Any) => convert(object, desiredAPIVersion)) }));
/** Converts, and then does something to each object. */
const spoiling = (spoil: (object: Any) => void): Answering => answer(({ objects, desiredAPIVersion }) => ({ convertedObjects: objects.map((object: Any) => ((object = convert(object, desiredAPIVersion)), spoil(object), object)) }));

const schema = (properties: object) => ({ openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { note: { type: 'string' }, ...properties } } } } });
const versions = [
  { name: 'v1', served: true, storage: true, subresources: { status: {} }, schema: schema({ address: { type: 'string' } }) },
  { name: 'v1beta1', served: true, storage: false, schema: schema({ host: { type: 'string' }, port: { type: 'integer', maximum: 65535 } }) },
];
const definition = (more: object = {}) => ({
  apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `hosts.${GROUP}` },
  spec: { group: GROUP, scope: 'Namespaced', names: { plural: 'hosts', kind: 'Host' }, versions, conversion: { strategy: 'Webhook', webhook: { clientConfig: { url: server.url('/convert'), caBundle: server.caBundle }, conversionReviewVersions: ['v1'] } }, ...more },
});
const kindOf = (version: string): KindDefinition => orchestrator.get(ServedKinds).list().find((kind) => kind.group === GROUP && kind.version === version) as KindDefinition;
const hosts = (version: string) => orchestrator.client.kind(kindOf(version)) as Any;
const host = (name: string, version: string, spec: object, metadata: object = {}): Any => ({ apiVersion: `${GROUP}/${version}`, kind: 'Host', metadata: { name, namespace: 'default', ...metadata }, spec });
const kept = async (name: string): Promise<Any> => (await store.range('/')).entries.find(({ key, value }) => key.endsWith(`/${name}`) && (value as Any).kind === 'Host')?.value;
const at = { namespace: 'default', name: 'a' };
const refused = (promise: Promise<unknown>): Promise<Any> => promise.then(() => 'done', ({ code, message }: Any) => ({ code, message }));

beforeAll(async () => {
  server = await WebhookServer.start();
});
afterAll(() => server.stop());
beforeEach(async () => {
  server.asked.length = 0;
  server.answers.clear();
  server.answers.set('/convert', good);
  store = new MemoryStore({ clock: systemClock });
  await start();
  await orchestrator.client.apply(definition());
  await expect.poll(() => kindOf('v1') !== undefined && kindOf('v1beta1') !== undefined).toBe(true);
});
async function start(): Promise<void> {
  const plain = definePlugin({ name: 'plain-store', setup: ({ provide }) => provide(Store, () => store) });
  orchestrator = await createOrchestrator({ plugins: [plain(), customResources()], leaderElection: false });
  await orchestrator.start();
}
afterEach(async () => {
  await orchestrator.stop();
  await store.close();
});

describe('objects of versions with a webhook', () => {
  it('are read and written in each, and kept in one', async () => {
    const made = await hosts('v1beta1').create(host('a', 'v1beta1', { host: 'h', port: 1, note: 'x', unknown: 1 }));
    expect([made.apiVersion, made.spec]).toEqual([`${GROUP}/v1beta1`, { host: 'h', port: 1, note: 'x' }]);
    expect(await kept('a')).toMatchObject({ apiVersion: `${GROUP}/v1`, spec: { address: 'h:1', note: 'x' } });
    const read = await hosts('v1').get(at);
    expect([read.apiVersion, read.spec, read.metadata.uid, read.metadata.resourceVersion]).toEqual([`${GROUP}/v1`, { address: 'h:1', note: 'x' }, made.metadata.uid, made.metadata.resourceVersion]);
    await hosts('v1').patch(at, 'merge', { spec: { address: 'h:2' } });
    const [changed] = (await hosts('v1beta1').list({ namespace: 'default' })).items;
    expect([changed.spec, changed.metadata.generation]).toEqual([{ host: 'h', port: 2, note: 'x' }, 2]);
    expect((await refused(hosts('v1beta1').patch(at, 'merge', { spec: { port: 99_999 } }))).code).toBe(422);
    await hosts('v1beta1').patch(at, 'merge', { metadata: { finalizers: ['example.com/hold'] } });
    await hosts('v1beta1').delete(at);
    expect((await kept('a')).apiVersion).toBe(`${GROUP}/v1`);
    await hosts('v1beta1').patch(at, 'merge', { metadata: { finalizers: null } });
    expect(await kept('a')).toBeUndefined();
  });

  it('of the stored version cost no question, and many are asked about at once', async () => {
    for (let i = 0; i < 120; i += 1) await hosts('v1').create(host(`h${i}`, 'v1', { address: `h:${i}` }));
    expect((await hosts('v1').list()).items).toHaveLength(120);
    const read = server.asked.filter(({ body }) => body.request.desiredAPIVersion === `${GROUP}/v1`);
    expect(read).toEqual([]);
    // A server that knows nothing yet: its cache asks about all, and so does a list.
    await orchestrator.stop();
    server.asked.length = 0;
    await start();
    const { items } = await hosts('v1beta1').list();
    expect(items.map(({ spec }: Any) => spec.host).every((name: string) => name === 'h')).toBe(true);
    expect(server.asked.every(({ body }) => body.request.objects.length <= 100)).toBe(true);
    expect(server.asked.length).toBeLessThanOrEqual(4);
  });

  it('are watched in each', async () => {
    const stop = new AbortController();
    const seen: Any[] = [];
    const following = (async () => {
      for await (const { type, object } of hosts('v1beta1').watch({}, stop.signal)) seen.push([type, object.apiVersion, object.spec]);
    })();
    await hosts('v1').create(host('a', 'v1', { address: 'h:1' }));
    await expect.poll(() => seen).toEqual([['ADDED', `${GROUP}/v1beta1`, { host: 'h', port: 1 }]]);
    await hosts('v1').patch(at, 'merge', { spec: { address: 'h:2' } });
    await hosts('v1').delete(at);
    await expect.poll(() => seen.slice(1)).toEqual([['MODIFIED', `${GROUP}/v1beta1`, { host: 'h', port: 2 }], ['DELETED', `${GROUP}/v1beta1`, { host: 'h', port: 2 }]]);
    stop.abort();
    await following;
  });
});

describe('a webhook of conversion that does not do as it should', () => {
  beforeEach(() => hosts('v1').create(host('a', 'v1', { address: 'h:1' }, { labels: { a: 'b' } })));
  const failing = `conversion webhook for ${GROUP}/v1, Kind=Host `;

  it.each<[string, Answering, string]>([
    ['answers about something else', answer(() => ({ uid: 'other', convertedObjects: [] })), 'failed: expected response.uid='],
    ['says that it failed', answer(() => ({ result: { status: 'Failed', message: 'cannot do that' } })), 'failed: cannot do that'],
    ['says nothing', () => ({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'ConversionReview' }), 'failed: no response provided'],
    ['speaks another language', () => ({ apiVersion: 'v1', kind: 'Status' }), 'failed: expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got v1, Kind=Status'],
    ['loses objects', answer(() => ({ convertedObjects: [] })), 'returned 0 objects, expected 1'],
    ['answers in the same version', answer(({ objects }) => ({ convertedObjects: objects })), `returned invalid converted object at index 0: invalid groupVersion (expected ${GROUP}/v1beta1, received ${GROUP}/v1)`],
    ['makes another kind of it', spoiling((object) => (object.kind = 'Guest')), 'returned invalid converted object at index 0: invalid kind (expected Host, received Guest)'],
    ['gives it another name', spoiling((object) => (object.metadata.name = 'b')), 'returned invalid converted object at index 0: must have the same name: a != b'],
    ['gives it another uid', spoiling((object) => (object.metadata.uid = 'x')), 'returned invalid converted object at index 0: must have the same UID: '],
    ['takes its metadata', spoiling((object) => delete object.metadata), 'returned invalid metadata in object at index 0: missing metadata in converted object'],
    ['gives it a label that is none', spoiling((object) => (object.metadata.labels = { 'not a label!': 'x' })), 'returned invalid metadata in object at index 0: metadata.labels'],
    ['gives it a label that is no text', spoiling((object) => (object.metadata.labels = { a: 1 })), 'returned invalid metadata in object at index 0: metadata.labels[a] must be a string, but is number in converted object'],
    ['is not there', (_, response) => void response.writeHead(503).end(), 'failed: the server is currently unable to handle the request'],
    ['sends one elsewhere', (_, response) => void response.writeHead(302, { location: server.url('/other') }).end(), 'failed: the server responded with the status code 302'],
    ['breaks off', (_, response) => void response.destroy(), 'failed: Post "https://'],
    ['smuggles a key in', (_asked, response) => {
      const text = JSON.stringify({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'ConversionReview', response: { uid: _asked.body.request.uid, result: { status: 'Success' }, convertedObjects: _asked.body.request.objects.map((object: Any) => convert(object, _asked.body.request.desiredAPIVersion)) } });
      response.writeHead(200).end(text.replace('"spec":{', '"spec":{"__proto__":{"x":1},'));
    }, 'returned an object with a forbidden key'],
  ])('%s', async (_, answering, says) => {
    server.answers.set('/convert', answering);
    const refusal = await refused(hosts('v1beta1').get(at));
    expect(refusal.code).toBe(500);
    expect(refusal.message.startsWith(`${failing}${says}`), refusal.message).toBe(true);
    // What it does not concern goes on.
    expect((await hosts('v1').get(at)).spec).toEqual({ address: 'h:1' });
    expect(await refused(hosts('v1beta1').create(host('c', 'v1beta1', { host: 'h', port: 1 })))).not.toBe('done');
    expect(await kept('c')).toBeUndefined();
  });

  it('changes nothing of the metadata but labels and annotations', async () => {
    server.answers.set('/convert', spoiling((object) => Object.assign(object.metadata, { labels: { c: 'd' }, annotations: { e: 'f' }, finalizers: ['x/y'], generation: 9, ownerReferences: [] })));
    const { metadata } = await hosts('v1beta1').get(at);
    expect([metadata.labels, metadata.annotations, metadata.finalizers, metadata.generation]).toEqual([{ c: 'd' }, { e: 'f' }, undefined, 1]);
  });

  it('is asked again, and everything is there', async () => {
    server.answers.delete('/convert');
    await hosts('v1').create(host('b', 'v1', { address: 'h:2' }));
    expect((await refused(hosts('v1beta1').list())).message).toBe(`${failing}failed: the server could not find the requested resource`);
    server.answers.set('/convert', good);
    expect((await hosts('v1beta1').list()).items.map(({ spec }: Any) => spec.port)).toEqual([1, 2]);
    const seen: string[] = [];
    const stop = new AbortController();
    orchestrator.informers.get(kindOf('v1beta1')).subscribe({ added: ({ metadata }: KubeObject) => seen.push(metadata.name ?? '') });
    await expect.poll(() => seen.sort(), { timeout: 5_000 }).toEqual(['a', 'b']);
    stop.abort();
  });
});
