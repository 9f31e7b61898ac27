import type { ConfigMap, Container, Secret, Service } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import { podOf } from '../test/build.js';
import { containerConfig } from './container-config.js';
import { nodeSettings } from './node-settings.js';
import { ConfigError, containerEnv, type EnvSources, expand } from './env.js';
import { serviceEnvironment } from './service-env.js';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const sources: EnvSources = {
  configMap: async (_namespace, name) => (name === 'conf' ? ({ data: { key: 'value', 'not a=name': 'x' }, binaryData: { bin: base64('bytes') } } as unknown as ConfigMap) : undefined),
  secret: async (_namespace, name) => (name === 'hush' ? ({ data: { password: base64('s3cret') } } as unknown as Secret) : undefined),
  services: () => [],
  podIPs: ['10.0.0.9', 'fd00::9'],
  hostIP: '10.0.0.1',
  allocatable: { cpu: '4', memory: '8Gi' },
};
const pod = podOf({ nodeName: 'node', serviceAccountName: 'robot' }, { metadata: { name: 'pod', namespace: 'default', uid: 'u-1', labels: { b: '2', a: '1' }, annotations: { note: 'x"y' } } });
const envOf = async (container: object): Promise<Record<string, string>> =>
  Object.fromEntries((await containerEnv(pod, { name: 'main', ...container } as Container, sources)).map(({ name, value }) => [name, value]));
const valueOf = async (valueFrom: object, container: object = {}): Promise<string | undefined> => (await envOf({ env: [{ name: 'X', valueFrom }], ...container }))['X'];

describe('expansion', () => {
  it.each([
    ['$(A)', 'a'], ['$$(A)', '$(A)'], ['$$$(A)', '$a'], ['$(NONE)', '$(NONE)'], ['x$(A)y$(B)', 'xayb'], ['$(A', '$(A'], ['$A', '$A'], ['$', '$'], ['$()', '$()'], ['$(E)', '$(A)'],
  ])('%s is %s', (text, expected) => {
    expect(expand(text, new Map([['A', 'a'], ['B', 'b'], ['E', '$(A)']]))).toBe(expected);
  });
});

describe('the environment of a container', () => {
  it('later names win, and see what came before', async () => {
    const env = await envOf({ envFrom: [{ prefix: 'P_', configMapRef: { name: 'conf' } }, { secretRef: { name: 'hush' } }], env: [{ name: 'A', value: '$(P_key)' }, { name: 'A', value: '$(A)!' }, { name: 'password', value: 'own' }] });
    expect(env).toEqual({ P_key: 'value', password: 'own', A: 'value!' });
  });

  it.each([
    [{ fieldRef: { fieldPath: 'metadata.labels' } }, 'a="1"\nb="2"'],
    [{ fieldRef: { fieldPath: "metadata.annotations['note']" } }, 'x"y'],
    [{ fieldRef: { fieldPath: "metadata.labels['none']" } }, ''],
    [{ fieldRef: { fieldPath: 'status.podIP' } }, '10.0.0.9'],
    [{ fieldRef: { fieldPath: 'status.podIPs' } }, '10.0.0.9,fd00::9'],
    [{ fieldRef: { fieldPath: 'spec.serviceAccountName' } }, 'robot'],
    [{ resourceFieldRef: { resource: 'limits.cpu' } }, '2'],
    [{ resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } }, '1250'],
    [{ resourceFieldRef: { resource: 'requests.memory', divisor: '1Mi' } }, '65'],
    [{ resourceFieldRef: { resource: 'limits.memory', divisor: '1Gi' } }, '8'],
    [{ configMapKeyRef: { name: 'conf', key: 'bin' } }, 'bytes'],
    [{ configMapKeyRef: { name: 'none', key: 'x', optional: true } }, undefined],
    [{ secretKeyRef: { name: 'hush', key: 'none', optional: true } }, undefined],
  ])('%j gives %j', async (from, expected) => {
    expect(await valueOf(from, { resources: { limits: { cpu: '1250m' }, requests: { memory: `${64 * 1024 * 1024 + 1}` } } })).toBe(expected);
  });

  it.each([
    [{ env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'none', key: 'k' } } }] }, 'configmap "none" not found'],
    [{ env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'conf', key: 'k' } } }] }, "couldn't find key k in ConfigMap default/conf"],
    [{ env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'hush', key: 'k' } } }] }, "couldn't find key k in Secret default/hush"],
    [{ envFrom: [{ secretRef: { name: 'none' } }] }, 'secret "none" not found'],
    [{ env: [{ name: 'X', valueFrom: { fieldRef: { fieldPath: 'spec.secret' } } }] }, 'field "spec.secret" is not available to containers'],
  ])('names what is missing, never a value: %#', async (container, message) => {
    const error = await envOf({ ...container }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toBe(message);
  });
});

describe('service variables', () => {
  it('are those of the kubelet', () => {
    const services = [
      { metadata: { name: 'my-web' }, spec: { clusterIP: '10.1.0.1', ports: [{ name: 'http', port: 80 }, { name: 'dns-u', port: 53, protocol: 'UDP' }] } },
      { metadata: { name: 'headless' }, spec: { clusterIP: 'None', ports: [{ port: 1 }] } },
    ] as unknown as Service[];
    expect(Object.fromEntries(serviceEnvironment(services).map(({ name, value }) => [name, value]))).toEqual({
      MY_WEB_SERVICE_HOST: '10.1.0.1', MY_WEB_SERVICE_PORT: '80', MY_WEB_SERVICE_PORT_HTTP: '80', MY_WEB_SERVICE_PORT_DNS_U: '53',
      MY_WEB_PORT: 'tcp://10.1.0.1:80', MY_WEB_PORT_80_TCP: 'tcp://10.1.0.1:80', MY_WEB_PORT_80_TCP_PROTO: 'tcp', MY_WEB_PORT_80_TCP_PORT: '80', MY_WEB_PORT_80_TCP_ADDR: '10.1.0.1',
      MY_WEB_PORT_53_UDP: 'udp://10.1.0.1:53', MY_WEB_PORT_53_UDP_PROTO: 'udp', MY_WEB_PORT_53_UDP_PORT: '53', MY_WEB_PORT_53_UDP_ADDR: '10.1.0.1',
    });
  });
});

describe('resources of a container', () => {
  const node = { memoryBytes: 4 * 1024 ** 3, settings: nodeSettings() };

  it.each([
    [{}, { cpuShares: 2 }],
    [{ requests: { cpu: '1' } }, { cpuShares: 1024 }],
    [{ limits: { cpu: '500m', memory: '64Mi' } }, { cpuShares: 512, cpuPeriod: 100_000, cpuQuota: 50_000, memoryLimitBytes: 67_108_864 }],
    [{ limits: { cpu: '1m' } }, { cpuShares: 2, cpuPeriod: 100_000, cpuQuota: 1_000 }],
    [{ requests: { cpu: '1000' } }, { cpuShares: 262_144 }],
  ])('%j is %j', (resources, expected) => {
    expect(containerConfig(pod, { name: 'main', resources } as Container, 0, [], [], node).resources).toMatchObject(expected);
  });
});

it('always tells where the API server is, of which a Service of that name of its own comes first', async () => {
  const serviceOf = (name: string, namespace: string, clusterIP: string): Service => ({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec: { clusterIP, ports: [{ port: 443, protocol: 'TCP' }] } }) as unknown as Service;
  let given: EnvSources['apiServer'];
  const all = [serviceOf('kubernetes', 'default', '10.0.0.1'), serviceOf('other', 'default', '10.0.0.2'), serviceOf('web', 'apps', '10.0.0.3')];
  const hosts = async (pod: object, services: readonly Service[]): Promise<string[]> => {
    const from = { ...sources, apiServer: given, services: (namespace: string) => services.filter(({ metadata }) => metadata.namespace === namespace) };
    const of = podOf(pod);
    const env = await containerEnv({ ...of, metadata: { ...of.metadata, namespace: 'apps' } }, of.spec.containers[0] as Container, from);
    return env.filter(({ name }) => name.endsWith('_SERVICE_HOST')).map(({ name, value }) => `${name}=${value}`);
  };
  expect(await hosts({}, all)).toEqual(['KUBERNETES_SERVICE_HOST=10.0.0.1', 'WEB_SERVICE_HOST=10.0.0.3']);
  expect(await hosts({ enableServiceLinks: false }, all)).toEqual(['KUBERNETES_SERVICE_HOST=10.0.0.1']);
  given = { host: '192.0.2.1', port: 6443 };
  expect(await hosts({}, all.slice(1))).toEqual(['KUBERNETES_SERVICE_HOST=192.0.2.1', 'WEB_SERVICE_HOST=10.0.0.3']);
  expect(await hosts({}, all)).toEqual(['KUBERNETES_SERVICE_HOST=10.0.0.1', 'WEB_SERVICE_HOST=10.0.0.3']);
  given = undefined;
  expect(await hosts({}, [...all, serviceOf('kubernetes', 'apps', '10.0.0.9')])).toEqual(['WEB_SERVICE_HOST=10.0.0.3', 'KUBERNETES_SERVICE_HOST=10.0.0.9']);
});
