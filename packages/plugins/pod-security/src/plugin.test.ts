import { CronJob, createOrchestrator, Deployment, Namespace, type Orchestrator, Pod, Transport, type ApiRequest, type KubeObject } from '@orrery/core';
import { memoryStore } from '@orrery/store-memory';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { podSecurity } from './index.js';

let orchestrator: Orchestrator;
let warnings: string[];
let annotations: Record<string, string>;
const start = async (options: Parameters<typeof podSecurity>[0] = {}): Promise<void> => {
  orchestrator = await createOrchestrator({ plugins: [memoryStore(), podSecurity(options)] });
  await orchestrator.start();
};
beforeEach(() => {
  warnings = [];
  annotations = {};
});
afterEach(() => orchestrator.stop());

const ask = (request: Record<string, unknown>, name = 'anna'): Promise<KubeObject> =>
  orchestrator.get(Transport).request({ user: { name, groups: [] }, warn: (text: string) => warnings.push(text), annotate: (key: string, value: string) => (annotations[key] = value), ...request } as unknown as ApiRequest) as Promise<KubeObject>;
const refs = { Pod: ['', 'v1', 'pods'], Deployment: ['apps', 'v1', 'deployments'], CronJob: ['batch', 'v1', 'cronjobs'] } as const;
const create = (kind: keyof typeof refs, body: object, user = 'anna') => ask({ verb: 'create', ref: { group: refs[kind][0], version: refs[kind][1], resource: refs[kind][2], namespace: 'team' }, body }, user);
const spec = (context: object = {}): object => ({ containers: [{ name: 'c', image: 'web', securityContext: context }] });
const pod = (context: object = {}, name = 'p', more: object = {}): object => ({ metadata: { name }, spec: { ...spec(context), ...more } });
const label = (labels: Record<string, string>) => Object.fromEntries(Object.entries(labels).map(([key, value]) => [`pod-security.kubernetes.io/${key}`, value]));
const namespace = (labels: Record<string, string>) => orchestrator.client.kind(Namespace).create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team', labels: label(labels) } } as Namespace);
const relabel = (labels: Record<string, string>) => ask({ verb: 'patch', type: 'merge', ref: { group: '', version: 'v1', resource: 'namespaces', name: 'team' }, body: { metadata: { labels: label(labels) } } });

describe('pods', () => {
  it('are refused in a namespace whose level they violate', async () => {
    await start();
    await namespace({ enforce: 'baseline' });
    await create('Pod', pod());
    await expect(create('Pod', pod({ privileged: true }, 'q'))).rejects.toMatchObject({
      reason: 'Forbidden', code: 403, message: 'pods "q" is forbidden: violates PodSecurity "baseline:latest": privileged (container "c" must not set securityContext.privileged=true)',
    });
    expect(annotations).toEqual({ 'pod-security.kubernetes.io/enforce-policy': 'baseline:latest' });
    expect(warnings).toEqual([]);
  });

  it('are warned of and written down where the namespace only wants that', async () => {
    await start();
    await namespace({ warn: 'baseline', 'warn-version': 'v1.30', audit: 'baseline' });
    await create('Pod', pod({ privileged: true }));
    const words = 'privileged (container "c" must not set securityContext.privileged=true)';
    expect(warnings).toEqual([`would violate PodSecurity "baseline:v1.30": ${words}`]);
    expect(annotations).toEqual({ 'pod-security.kubernetes.io/enforce-policy': 'privileged:latest', 'pod-security.kubernetes.io/audit-violations': `would violate PodSecurity "baseline:latest": ${words}` });
  });

  it('that are there already may be changed but for their images, and get no container for debugging that violates it', async () => {
    await start();
    await namespace({});
    await create('Pod', pod({ privileged: true }));
    await relabel({ enforce: 'baseline' });
    await expect.poll(() => orchestrator.client.kind(Pod).patch({ namespace: 'team', name: 'p' }, 'merge', { spec: { containers: [{ name: 'c', image: 'other', securityContext: { privileged: true } }] } }).then(() => 'done', (error: Error) => error.message)).toContain('violates PodSecurity');
    await orchestrator.client.kind(Pod).patch({ namespace: 'team', name: 'p' }, 'merge', { metadata: { labels: { a: 'b' } } });
    await orchestrator.client.kind(Pod).patch({ namespace: 'team', name: 'p' }, 'merge', { status: { message: 'x' } }, { subresource: 'status' });
    await create('Pod', pod({}, 'q'));
    const debug = { spec: { ephemeralContainers: [{ name: 'd', image: 'x', securityContext: { privileged: true } }] } };
    await expect(orchestrator.client.kind(Pod).patch({ namespace: 'team', name: 'q' }, 'strategic', debug, { subresource: 'ephemeralcontainers' })).rejects.toThrow('container "d" must not set');
  });

  it('of who is exempt are not looked at', async () => {
    await start({ defaults: { enforce: 'restricted' }, exemptions: { usernames: ['root'], runtimeClasses: ['vm'], namespaces: ['kube-system'] } });
    await namespace({});
    await expect(create('Pod', pod())).rejects.toThrow('violates PodSecurity "restricted:latest"');
    await create('Pod', pod(), 'root');
    expect(annotations).toMatchObject({ 'pod-security.kubernetes.io/exempt': 'user' });
    await create('Pod', pod({}, 'q', { runtimeClassName: 'vm' }));
    await orchestrator.client.kind(Pod).create({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'kube-system' }, spec: spec() } as Pod);
  });
});

describe('templates', () => {
  it('of workloads are warned of, and never refused', async () => {
    await start();
    await namespace({ enforce: 'restricted', warn: 'restricted', audit: 'baseline' });
    const template = { metadata: { labels: { a: 'b' } }, spec: { ...spec({ privileged: true, allowPrivilegeEscalation: true }), restartPolicy: 'Always' } };
    await create('Deployment', { metadata: { name: 'd' }, spec: { selector: { matchLabels: { a: 'b' } }, template } });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/^would violate PodSecurity "restricted:latest": privileged .* allowPrivilegeEscalation != false \(container "c" must set/);
    expect(annotations['pod-security.kubernetes.io/audit-violations']).toContain('would violate PodSecurity "baseline:latest": privileged (');
    expect(annotations).not.toHaveProperty('pod-security.kubernetes.io/enforce-policy');
    await create('CronJob', { metadata: { name: 'c' }, spec: { schedule: '* * * * *', jobTemplate: { spec: { template: { spec: { ...spec(), restartPolicy: 'Never' } } } } } });
    expect(warnings).toHaveLength(2);
    expect([(await orchestrator.client.kind(Deployment).list()).items.length, (await orchestrator.client.kind(CronJob).list()).items.length]).toEqual([1, 1]);
  });
});

describe('namespaces', () => {
  it('whose labels say nothing are refused, unless they were so before', async () => {
    await start();
    await expect(namespace({ enforce: 'strict', 'warn-version': '1.2' })).rejects.toMatchObject({
      reason: 'Invalid',
      message: 'Namespace "team" is invalid: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted, ' +
        'metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "1.2": must be "latest" or "v1.x"]',
    });
  });

  it('that become stricter tell which of their pods would be refused now', async () => {
    await start();
    await namespace({});
    for (const name of ['b', 'a', 'z']) await create('Pod', pod({ privileged: true }, name));
    await create('Pod', pod({}, 'n', { hostNetwork: true }));
    await create('Pod', pod({}, 'fine'));
    await relabel({ enforce: 'baseline' });
    expect(warnings).toEqual(['existing pods in namespace "team" violate the new PodSecurity enforce level "baseline:latest"', 'a (and 2 other pods): privileged', 'n: host namespaces']);
    warnings.length = 0;
    await relabel({ enforce: 'privileged' });
    expect(warnings).toEqual([]);
  });
});
