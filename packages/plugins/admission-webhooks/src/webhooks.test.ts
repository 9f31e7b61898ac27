import { type ApiRequest, Collectors, ConfigMap, createOrchestrator, definePlugin, EndpointSlice, type KubeObject, LimitRange, Namespace, type Orchestrator, Pod, Service, Transport } from '@orrery/core';
import { customResources } from '@orrery/custom-resources';
import { type Answering, WebhookServer } from '@orrery/engines';
import { memoryStore } from '@orrery/store-memory';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { admissionWebhooks, MutatingWebhookConfiguration, ValidatingWebhookConfiguration } from './index.js';

// Real webhooks over HTTPS on loopback.

let server: WebhookServer;
let orchestrator: Orchestrator;
let warnings: string[];
let annotations: Record<string, string>;
/** What was counted about webhooks. */
let counted: [string, object][];
const counting = definePlugin({
  name: 'counting',
  setup: ({ add }) => {
    const count = (name: string) => (labels: object) => (name.includes('webhook') ? void counted.push([name, labels]) : undefined);
    add(Collectors, { enabled: true, counter: ({ name }) => ({ add: count(name) }), histogram: ({ name }) => ({ observe: count(name) }), gauge: () => () => {} });
  },
});
beforeAll(async () => {
  server = await WebhookServer.start(['hook.default.svc']);
});
afterAll(() => server.stop());
beforeEach(async () => {
  warnings = [];
  annotations = {};
  counted = [];
  server.asked.length = 0;
  server.answers.clear();
  orchestrator = await createOrchestrator({ plugins: [memoryStore(), customResources(), admissionWebhooks(), counting()] });
  await orchestrator.start();
});
afterEach(() => orchestrator.stop());

type Any = any;
const review = (response: object): Answering => ({ body }) => ({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid: body.request.uid, allowed: true, ...response } });
const patching = (...operations: object[]): Answering => review({ patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(operations)).toString('base64') });
const labelled = (key: string, value = 'yes') => ({ op: 'add', path: `/metadata/labels/${key}`, value });

const everything = [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'] }];
const maps = [{ operations: ['CREATE', 'UPDATE', 'DELETE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }];
const hook = (path: string, more: object = {}): object => ({ name: `${path.slice(1)}.example.com`, clientConfig: { url: server.url(path), caBundle: server.caBundle }, rules: maps, sideEffects: 'None', admissionReviewVersions: ['v1'], ...more });

/** Makes a configuration, and waits until it is known. */
async function configure(kind: 'Mutating' | 'Validating', name: string, ...webhooks: object[]): Promise<void> {
  const definition = kind === 'Mutating' ? MutatingWebhookConfiguration : ValidatingWebhookConfiguration;
  await orchestrator.client.kind(definition).create({ apiVersion: 'admissionregistration.k8s.io/v1', kind: `${kind}WebhookConfiguration`, metadata: { name }, webhooks } as Any);
  await expect.poll(() => orchestrator.informers.get(definition).lister.get(name)).toBeDefined();
}
const ask = (request: Record<string, unknown>): Promise<Any> =>
  orchestrator.get(Transport).request({ user: { name: 'anna', uid: 'u1', groups: ['team'], extra: { scopes: ['a'] } }, warn: (text: string) => warnings.push(text), annotate: (key: string, value: string) => (annotations[key] = value), ...request } as unknown as ApiRequest);
const ref = { group: '', version: 'v1', resource: 'configmaps', namespace: 'default' };
const map = (name: string, labels: object = { a: 'b' }, data: object = { z: '0' }): object => ({ metadata: { name, labels }, data });
const create = (body: object, more: object = {}): Promise<Any> => ask({ verb: 'create', ref, body, ...more });
const paths = (): string[] => server.asked.map(({ path }) => path.split('?')[0] as string);
const refused = async (promise: Promise<unknown>): Promise<Any> => promise.then(() => 'done', ({ code, reason, message }: Any) => ({ code, reason, message }));

describe('a mutating webhook', () => {
  it('is told everything about the request, and changes the object', async () => {
    server.answers.set('/label', patching(labelled('hooked'), { op: 'add', path: '/data/extra', value: '1' }));
    await configure('Mutating', 'm', hook('/label'));
    const made = await create(map('c'), { fieldManager: 'me' });
    expect([made.metadata.labels, made.data]).toEqual([{ a: 'b', hooked: 'yes' }, { z: '0', extra: '1' }]);
    const [{ path, body }] = server.asked as [Any];
    expect(path).toBe('/label?timeout=10s');
    expect(body).toMatchObject({ kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1' });
    expect(body.request).toMatchObject({
      kind: { group: '', version: 'v1', kind: 'ConfigMap' }, resource: { group: '', version: 'v1', resource: 'configmaps' }, requestKind: { kind: 'ConfigMap' }, requestResource: { resource: 'configmaps' },
      name: 'c', namespace: 'default', operation: 'CREATE', userInfo: { username: 'anna', uid: 'u1', groups: ['team'], extra: { scopes: ['a'] } }, dryRun: false, oldObject: null,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1', fieldManager: 'me' }, object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c', uid: made.metadata.uid } },
    });
    expect(body.request).not.toHaveProperty('subResource');
    expect(annotations).toEqual({ 'mutation.webhook.admission.k8s.io/round_0_index_0': '{"configuration":"m","webhook":"label.example.com","mutated":true}' });
  });

  it('is asked after those before it, by the names of configurations, and told what they left', async () => {
    server.answers.set('/one', patching(labelled('one')));
    server.answers.set('/two', (asked, ...rest) => patching(labelled('two', Object.keys(asked.body.request.object.metadata.labels).join('.')))(asked, ...rest));
    server.answers.set('/three', patching(labelled('three')));
    await configure('Mutating', 'b', hook('/two'));
    await configure('Mutating', 'a', hook('/one'), hook('/three'));
    expect((await create(map('c'))).metadata.labels).toEqual({ a: 'b', one: 'yes', three: 'yes', two: 'a.one.three' });
    expect(paths()).toEqual(['/one', '/three', '/two']);
  });

  it('is asked again when others changed the object after it, if it wants that', async () => {
    const seen: string[][] = [];
    server.answers.set('/first', ({ body }, response, request) => (seen.push(Object.keys(body.request.object.metadata.labels)), patching(labelled('first'))({ path: '', body }, response, request)));
    server.answers.set('/second', patching(labelled('second')));
    await configure('Mutating', 'm', hook('/first', { reinvocationPolicy: 'IfNeeded' }), hook('/second'));
    expect((await create(map('c'))).metadata.labels).toEqual({ a: 'b', first: 'yes', second: 'yes' });
    expect(seen).toEqual([['a'], ['a', 'first', 'second']]);
    expect(paths()).toEqual(['/first', '/second', '/first']);
    server.asked.length = 0;
    server.answers.set('/second', review({}));
    await create(map('d'));
    expect(paths()).toEqual(['/first', '/second']);
  });

  it('that changes what may not be, or so that it is not valid any more, is no way around rules', async () => {
    server.answers.set('/bad', patching({ op: 'add', path: '/data/not a key!', value: '1' }));
    await configure('Mutating', 'm', hook('/bad'));
    expect(await refused(create(map('c')))).toMatchObject({ code: 422, reason: 'Invalid', message: expect.stringContaining('data[not a key!]: Invalid value') });
    const wrongs: [object, string][] = [
      [{ op: 'replace', path: '/nothing/here', value: 1 }, 'returned a patch that does not fit the object'],
      [{ op: 'replace', path: '/data', value: 'text' }, 'json: cannot unmarshal'],
      [{ op: 'replace', path: '/metadata/name', value: 'other' }, 'name of the object may not be changed'],
      [{ op: 'replace', path: '/metadata/namespace', value: 'kube-system' }, 'namespace'],
      [{ op: 'replace', path: '/kind', value: 'Secret' }, 'but the request is for v1 ConfigMap'],
      [{ op: 'add', path: '/data/__proto__', value: { a: 1 } }, 'returned a patch that does not fit'],
    ];
    for (const [operation, says] of wrongs) {
      server.answers.set('/bad', patching(operation));
      expect(await refused(create(map('c')))).toMatchObject({ code: 500, reason: 'InternalError', message: expect.stringMatching(/^Internal error occurred: admission webhook "bad.example.com" returned a patch that does not fit the object: /) });
      expect((await refused(create(map('c')))).message).toContain(says);
    }
    server.answers.set('/bad', patching({ op: 'replace', path: '/metadata/uid', value: 'mine' }));
    expect((await create(map('c'))).metadata.uid).not.toBe('mine');
    expect((await orchestrator.client.kind(ConfigMap).list({ namespace: 'default' })).items).toHaveLength(1);
  });

  it('is told of deletions, and changes nothing then', async () => {
    server.answers.set('/gone', review({}));
    await configure('Mutating', 'm', hook('/gone', { rules: [{ ...maps[0], operations: ['DELETE'] }] }));
    await create(map('c'));
    expect(paths()).toEqual([]);
    await ask({ verb: 'delete', ref: { ...ref, name: 'c' }, options: { gracePeriodSeconds: 3 } });
    expect(server.asked[0]?.body.request).toMatchObject({ operation: 'DELETE', object: null, oldObject: { metadata: { name: 'c' } }, options: { kind: 'DeleteOptions', gracePeriodSeconds: 3 } });
    await create(map('d'));
    server.answers.set('/gone', patching(labelled('x')));
    expect(await refused(ask({ verb: 'delete', ref: { ...ref, name: 'd' }, options: {} }))).toMatchObject({ message: expect.stringContaining('attempted to modify the object, which is not supported for this operation') });
  });
});

describe('a validating webhook', () => {
  it('refuses with its own words, code and reason', async () => {
    await configure('Validating', 'v', hook('/no'));
    const said: [object, object][] = [
      [{}, { code: 400, reason: '', message: 'admission webhook "no.example.com" denied the request without explanation' }],
      [{ status: { message: 'not today' } }, { code: 400, reason: '', message: 'admission webhook "no.example.com" denied the request: not today' }],
      [{ status: { code: 403, reason: 'Forbidden', message: 'no', details: { causes: [{ field: 'a', message: 'b' }] } } }, { code: 403, reason: 'Forbidden', message: 'admission webhook "no.example.com" denied the request: no' }],
      [{ status: { code: 200, reason: 'Teapot' } }, { code: 400, reason: 'Teapot', message: 'admission webhook "no.example.com" denied the request: Teapot' }],
      [{ status: { code: 418 } }, { code: 418, message: 'admission webhook "no.example.com" denied the request without explanation' }],
    ];
    for (const [response, refusal] of said) {
      server.answers.set('/no', review({ allowed: false, ...response }));
      expect(await refused(create(map('c')))).toMatchObject(refusal);
    }
  });

  it('passes on warnings and annotations, and sees the work of mutating ones', async () => {
    server.answers.set('/label', patching(labelled('hooked')));
    server.answers.set('/look', review({ warnings: ['careful', 7], auditAnnotations: { 'why/not': 'because' } }));
    await configure('Validating', 'v', hook('/look'));
    await configure('Mutating', 'm', hook('/label'));
    await create(map('c'));
    expect(server.asked[1]?.body.request.object.metadata.labels).toEqual({ a: 'b', hooked: 'yes' });
    expect(warnings).toEqual(['careful']);
    expect(annotations).toMatchObject({ 'look.example.com/why/not': 'because' });
  });

  it('is asked at the same time as the others; the first by order is told', async () => {
    const waiting: (() => void)[] = [];
    const together = (message: string): Answering => async (...args) => {
      await new Promise<void>((resolve) => (waiting.push(resolve), waiting.length === 2 ? waiting.forEach((go) => go()) : undefined));
      return review({ allowed: false, status: { message } })(...args);
    };
    server.answers.set('/a', together('first'));
    server.answers.set('/b', together('second'));
    await configure('Validating', 'v', hook('/a'), hook('/b'));
    expect((await refused(create(map('c')))).message).toContain('first');
  });
});

describe('rules', () => {
  const told = async (rules: object[], more: object = {}): Promise<void> => {
    server.answers.set('/seen', review({}));
    await configure('Validating', 'v', hook('/seen', { rules, ...more }));
  };
  const seen = (): string[] => server.asked.map(({ body: { request: r } }) => `${r.operation} ${r.resource.resource}${r.subResource === undefined ? '' : `/${r.subResource}`} ${r.name}`);

  it('choose by operation, group, version, resource and scope', async () => {
    await told([{ operations: ['UPDATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], scope: 'Namespaced' }, { operations: ['CREATE'], apiGroups: [''], apiVersions: ['*'], resources: ['*'], scope: 'Cluster' }]);
    await create(map('c'));
    await ask({ verb: 'patch', type: 'merge', ref: { ...ref, name: 'c' }, body: { data: { a: '1' } } });
    await ask({ verb: 'create', ref: { group: '', version: 'v1', resource: 'namespaces' }, body: { metadata: { name: 'n' } } });
    await ask({ verb: 'delete', ref: { ...ref, name: 'c' }, options: {} });
    expect(seen()).toEqual(['UPDATE configmaps c', 'CREATE namespaces n']);
  });

  it('name subresources', async () => {
    await told([{ operations: ['*'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods/*', '*/token'] }]);
    const pods = { ...ref, resource: 'pods' };
    await ask({ verb: 'create', ref: pods, body: { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } } });
    await ask({ verb: 'patch', type: 'merge', ref: { ...pods, name: 'p', subresource: 'status' }, body: { status: { message: 'm' } } });
    await ask({ verb: 'create', ref: { ...pods, name: 'p', subresource: 'eviction' }, body: {} });
    await create(map('c'));
    expect(seen()).toEqual(['CREATE pods p', 'UPDATE pods/status p', 'CREATE pods/eviction p']);
    expect(server.asked[2]?.body.request).toMatchObject({ kind: { group: 'policy', version: 'v1', kind: 'Eviction' }, object: { kind: 'Eviction', metadata: { name: 'p' } }, oldObject: null });
  });

  it('never name configurations of webhooks', async () => {
    server.answers.set('/no', review({ allowed: false }));
    await configure('Validating', 'v', hook('/no', { rules: everything }));
    expect(await refused(create(map('c')))).toMatchObject({ code: 400 });
    await orchestrator.client.kind(ValidatingWebhookConfiguration).delete({ name: 'v' });
    await expect.poll(() => refused(create(map('c')))).toBe('done');
  });

  it('reach other versions of the same kind, unless only exact ones are wanted', async () => {
    const schema = { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { size: { type: 'integer' } } } } } };
    const versions = [{ name: 'v1', served: true, storage: true, schema }, { name: 'v2', served: true, storage: false, schema }];
    await orchestrator.client.apply({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'toys.example.com' }, spec: { group: 'example.com', scope: 'Namespaced', names: { plural: 'toys', kind: 'Toy' }, versions } });
    const toys = { group: 'example.com', version: 'v2', resource: 'toys', namespace: 'default' };
    await expect.poll(() => refused(ask({ verb: 'list', ref: toys }))).toBe('done');
    server.answers.set('/size', patching({ op: 'replace', path: '/spec/size', value: 7 }));
    const rules = [{ operations: ['CREATE'], apiGroups: ['example.com'], apiVersions: ['v1'], resources: ['toys'] }];
    await configure('Mutating', 'm', hook('/size', { rules }), hook('/never', { rules, matchPolicy: 'Exact' }));
    const made = await ask({ verb: 'create', ref: toys, body: { metadata: { name: 't' }, spec: { size: 1 } } });
    expect([made.apiVersion, made.spec.size]).toEqual(['example.com/v2', 7]);
    expect(server.asked[0]?.body.request).toMatchObject({ kind: { version: 'v1' }, resource: { version: 'v1' }, requestKind: { version: 'v2' }, requestResource: { version: 'v2' }, object: { apiVersion: 'example.com/v1' } });
    expect(paths()).toEqual(['/size']);
  });
});

describe('selectors and conditions', () => {
  it('choose by the labels of namespaces and objects', async () => {
    server.answers.set('/seen', review({}));
    await configure('Validating', 'v', hook('/seen', { namespaceSelector: { matchExpressions: [{ key: 'watched', operator: 'Exists' }] }, objectSelector: { matchLabels: { tier: 'web' } } }));
    await orchestrator.client.kind(Namespace).create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'watched', labels: { watched: '1' } } } as unknown as Namespace);
    const there = { ...ref, namespace: 'watched' };
    await create(map('a', { tier: 'web' }));
    await create(map('b', { tier: 'db' }), { ref: there });
    await create(map('c', { tier: 'web' }), { ref: there });
    // What it was counts as well.
    await ask({ verb: 'patch', type: 'merge', ref: { ...there, name: 'c' }, body: { metadata: { labels: { tier: null } } } });
    expect(server.asked.map(({ body }) => `${body.request.operation} ${body.request.name}`)).toEqual(['CREATE c', 'UPDATE c']);
  });

  it('ask expressions, which fail closed or open', async () => {
    server.answers.set('/seen', review({}));
    const conditions = (...expressions: string[]) => ({ matchConditions: expressions.map((expression, i) => ({ name: `c${i}`, expression })) });
    await configure('Validating', 'v', hook('/seen', conditions("request.userInfo.username != 'root'", "object == null || 'watch' in object.data", "request.operation == 'DELETE' || object.data.watch != 'never'")));
    await create(map('a'));
    await create(map('b', {}, { watch: 'yes' }));
    await create(map('c', {}, { watch: 'yes' }), { user: { name: 'root', groups: [] } });
    await ask({ verb: 'delete', ref: { ...ref, name: 'a' }, options: {} });
    expect(server.asked.map(({ body }) => `${body.request.operation} ${body.request.name}`)).toEqual(['CREATE b', 'DELETE a']);
    await configure('Validating', 'w', hook('/seen', conditions('object.data.nothing == "x"')));
    expect(await refused(create(map('d')))).toMatchObject({ code: 403, reason: 'Forbidden', message: expect.stringMatching(/^configmaps "d" is forbidden: expression 'object\.data\.nothing == "x"' resulted in error: no such key: nothing/) });
    await orchestrator.client.kind(ValidatingWebhookConfiguration).delete({ name: 'w' });
    await configure('Validating', 'x', hook('/open', { ...conditions('object.data.nothing == "x"'), failurePolicy: 'Ignore' }));
    await expect.poll(() => refused(create(map('d')))).toBe('done');
    expect(paths()).not.toContain('/open');
  });
});

describe('a webhook that fails', () => {
  const failing = (more: object = {}) => configure('Mutating', 'm', hook('/bad', { timeoutSeconds: 1, ...more }));
  it.each<[string, Answering, RegExp]>([
    ['answers about something else', ({ body }) => ({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid: `not ${body.request.uid}`, allowed: true } }), /received invalid webhook response: expected response\.uid="[^"]+", got "not /],
    ['answers in another language', ({ body }) => ({ apiVersion: 'v1', kind: 'Status', response: { uid: body.request.uid, allowed: true } }), /expected webhook response of admission\.k8s\.io\/v1, Kind=AdmissionReview, got v1, Kind=Status$/],
    ['answers nothing', () => ({}), /webhook response was absent$/],
    ['says a patch and not of what kind', review({ patch: 'W10=' }), /webhook returned response\.patch but not response\.patchType$/],
    ['says a kind and no patch', review({ patchType: 'JSONPatch' }), /webhook returned response\.patchType but not response\.patch$/],
    ['has a patch of another kind', review({ patch: 'W10=', patchType: 'Merge' }), /unsupported patch type "Merge"$/],
    ['has a patch that is none', review({ patch: 'e30=', patchType: 'JSONPatch' }), /received undecodable patch in webhook response: it is no list$/],
    ['sends one elsewhere', (_, response) => void response.writeHead(302, { location: server.url('/good') }).end(), /failed to call webhook: the server responded with the status code 302/],
    ['answers with 5 MiB', (_, response) => void response.writeHead(200).end(Buffer.alloc(5 * 1024 * 1024, 0x20)), /the answer is larger than 4194304 bytes$/],
    ['breaks off', (_, response) => void response.destroy(), /EOF$/],
  ])('%s', async (_, answering, says) => {
    server.answers.set('/bad', answering);
    server.answers.set('/good', review({}));
    await failing();
    const refusal = await refused(create(map('c')));
    expect(refusal).toMatchObject({ code: 500, reason: 'InternalError', message: expect.stringMatching(/^Internal error occurred: failed calling webhook "bad\.example\.com": /) });
    expect(refusal.message).toMatch(says);
    expect(paths()).not.toContain('/good');
  });

  it('never answers', async () => {
    server.answers.set('/bad', () => undefined);
    await failing();
    expect((await refused(create(map('c')))).message).toBe(`Internal error occurred: failed calling webhook "bad.example.com": failed to call webhook: Post "${server.url('/bad')}?timeout=1s": context deadline exceeded`);
    const stop = new AbortController();
    const waiting = refused(orchestrator.get(Transport).request({ verb: 'create', user: { name: 'anna', groups: [] }, ref, body: map('c') } as ApiRequest, stop.signal));
    await expect.poll(() => server.asked.length).toBe(2);
    stop.abort();
    expect((await waiting).message).toContain('context canceled');
    expect((await orchestrator.client.kind(ConfigMap).list({ namespace: 'default' })).items).toEqual([]);
  });

  it('does not matter where it may be left out, and that is written down', async () => {
    await configure('Mutating', 'm', hook('/nowhere', { failurePolicy: 'Ignore' }));
    await configure('Validating', 'v', hook('/nowhere', { failurePolicy: 'Ignore' }));
    await create(map('c'));
    expect(annotations).toMatchObject({ 'failed-open.mutation.webhook.admission.k8s.io/round_0_index_0': 'nowhere.example.com', 'failed-open.validating.webhook.admission.k8s.io/round_0_index_0': 'nowhere.example.com' });
  });

  it('may not patch when it validates', async () => {
    server.answers.set('/patches', patching(labelled('x')));
    await configure('Validating', 'v', hook('/patches'));
    expect((await refused(create(map('c')))).message).toContain('received invalid webhook response: validating webhook may not return response.patch');
  });

  it('is not asked about dry runs unless it says that it may be', async () => {
    server.answers.set('/dry', review({}));
    await configure('Validating', 'v', hook('/dry', { sideEffects: 'NoneOnDryRun' }));
    await create(map('c'), { dryRun: true });
    expect(server.asked[0]?.body.request).toMatchObject({ dryRun: true, options: { dryRun: ['All'] } });
  });
});

describe('metrics', () => {
  it('have the names of kube-apiserver', async () => {
    server.answers.set('/no', review({ allowed: false, status: { code: 403 } }));
    await configure('Mutating', 'm', hook('/nowhere', { failurePolicy: 'Ignore' }));
    await configure('Validating', 'v', hook('/no'));
    await refused(create(map('c')));
    const of = (type: string, name: string) => ({ type, name: `${name}.example.com`, operation: 'CREATE' });
    expect(counted.map(([name, labels]) => [name.replace('apiserver_admission_webhook_', ''), labels])).toEqual([
      ['admission_duration_seconds', { ...of('admit', 'nowhere'), rejected: 'false' }],
      ['request_total', { ...of('admit', 'nowhere'), code: '0', rejected: 'false' }],
      ['fail_open_count', { type: 'admit', name: 'nowhere.example.com' }],
      ['admission_duration_seconds', { ...of('validating', 'no'), rejected: 'true' }],
      ['request_total', { ...of('validating', 'no'), code: '403', rejected: 'true' }],
      ['rejection_count', { ...of('validating', 'no'), error_type: 'no_error', rejection_code: '403' }],
    ]);
  });
});

describe('webhooks in the cluster', () => {
  it('are found by their Service', async () => {
    server.answers.set('/inside', review({ warnings: ['from inside'] }));
    await configure('Validating', 'v', hook('/x', { clientConfig: { service: { namespace: 'default', name: 'hook', path: '/inside' }, caBundle: server.caBundle } }));
    expect((await refused(create(map('c')))).message).toContain('Post "https://hook.default.svc/inside?timeout=10s": service "hook" not found');
    await orchestrator.client.kind(Service).create({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'hook' }, spec: { ports: [{ port: 443 }] } } as Service);
    const endpoints = [{ addresses: ['127.0.0.1'], conditions: { ready: true } }];
    await orchestrator.client.kind(EndpointSlice).create({ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: 'hook', labels: { 'kubernetes.io/service-name': 'hook' } }, addressType: 'IPv4', ports: [{ name: '', port: server.port }], endpoints } as Any);
    await expect.poll(() => refused(create(map('c')))).toBe('done');
    expect(warnings.at(-1)).toBe('from inside');
  });

  it('are all asked from the moment on when the orchestrator runs', async () => {
    server.answers.set('/no', review({ allowed: false }));
    await configure('Validating', 'v', hook('/no'));
    const outcomes = await Promise.all(Array.from({ length: 10 }, (_, i) => refused(create(map(`c${i}`)))));
    expect(outcomes.every(({ code }) => code === 400)).toBe(true);
    expect((await orchestrator.client.kind(LimitRange).list()).items).toEqual([]);
    expect((await orchestrator.client.kind(Pod).list()).items as readonly KubeObject[]).toEqual([]);
  });
});
