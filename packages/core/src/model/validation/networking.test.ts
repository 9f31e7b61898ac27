import { describe, expect, it } from 'vitest';
import { decodeObject, Endpoints, Ingress, IngressClass, type KindDefinition, type KubeObject, NetworkPolicy, RuntimeClass } from '../index.js';

const made = <T extends KubeObject>(kind: KindDefinition<T>, body: object): T => {
  const { object } = decodeObject(kind, { apiVersion: kind.apiVersion, kind: kind.kind, metadata: { name: 'x', ...(kind.namespaced && { namespace: 'default' }) }, ...body });
  kind.rules.applyDefaults?.(object);
  return object;
};
const short = (errors: readonly { field: string; type: string }[] = []): string[] => errors.map(({ field, type }) => `${field} ${type.replace('FieldValue', '')}`);
const wrong = <T extends KubeObject>(kind: KindDefinition<T>, body: object): string[] => short(kind.rules.validate?.(made(kind, body)));
const changed = <T extends KubeObject>(kind: KindDefinition<T>, before: object, after: object): string[] => short(kind.rules.validateUpdate?.(made(kind, after), made(kind, before)));

const backend = { service: { name: 'web', port: { number: 80 } } };
const ingress = (path: object, more: object = {}): object => ({ spec: { rules: [{ host: 'a.example', http: { paths: [{ pathType: 'Prefix', path: '/', backend, ...path }] } }], ...more } });

describe('ingresses', () => {
  it('say where requests go', () => {
    expect(wrong(Ingress, ingress({}))).toEqual([]);
    expect(wrong(Ingress, { spec: { defaultBackend: backend } })).toEqual([]);
    expect(wrong(Ingress, { spec: {} })).toEqual(['spec Invalid']);
    expect(wrong(Ingress, ingress({ pathType: undefined }))).toEqual(['spec.rules[0].http.paths[0].pathType Required']);
    expect(wrong(Ingress, ingress({ pathType: 'Regex' }))).toEqual(['spec.rules[0].http.paths[0].pathType NotSupported']);
    expect(wrong(Ingress, ingress({ path: 'a//b/.' }))).toEqual(Array.from({ length: 3 }, () => 'spec.rules[0].http.paths[0].path Invalid'));
    expect(wrong(Ingress, ingress({ pathType: 'ImplementationSpecific', path: '' }))).toEqual([]);
    expect(wrong(Ingress, { spec: { rules: [{ http: { paths: [] } }] } })).toEqual(['spec.rules[0].http.paths Required']);
  });

  it('go to a Service with one port, or to one other object', () => {
    const of = (given: object): string[] => wrong(Ingress, { spec: { defaultBackend: given } });
    const resource = { apiGroup: 'example.com', kind: 'Bucket', name: 'b' };
    expect(of({ resource })).toEqual([]);
    expect(of({})).toEqual(['spec.defaultBackend Invalid']);
    expect(of({ resource, ...backend })).toEqual(['spec.defaultBackend Invalid']);
    expect(of({ resource: { kind: '', name: 'a/b' } })).toEqual(['spec.defaultBackend.resource.kind Required', 'spec.defaultBackend.resource.name Invalid']);
    expect(of({ service: { name: '1web', port: { name: 'http', number: 80 } } })).toEqual(['spec.defaultBackend.service.name Invalid', 'spec.defaultBackend Invalid']);
    expect(of({ service: { name: 'web' } })).toEqual(['spec.defaultBackend Required']);
    expect(of({ service: { name: 'web', port: { number: 70_000 } } })).toEqual(['spec.defaultBackend.service.port.number Invalid']);
  });

  it('have hosts that are names, perhaps with a star', () => {
    const host = (name: string): string[] => wrong(Ingress, { spec: { rules: [{ host: name }] } });
    expect([host('*.a.example'), host('a.*.example'), host('1.2.3.4'), host('A')]).toEqual([[], ['spec.rules[0].host Invalid'], ['spec.rules[0].host Invalid'], ['spec.rules[0].host Invalid']]);
    expect(wrong(Ingress, ingress({}, { tls: [{ hosts: ['*', 'ok.example'], secretName: 'No' }], ingressClassName: 'No' }))).toEqual(['spec.tls[0].hosts[0] Invalid', 'spec.tls[0].secretName Invalid', 'spec.ingressClassName Invalid']);
    const annotated = { metadata: { name: 'x', namespace: 'default', annotations: { 'kubernetes.io/ingress.class': 'nginx' } }, ...ingress({}, { ingressClassName: 'nginx' }) };
    expect(wrong(Ingress, annotated)).toEqual(['metadata.annotations[kubernetes.io/ingress.class] Invalid']);
    expect(changed(Ingress, annotated, annotated)).toEqual([]);
    expect(short(Ingress.rules.validateStatusUpdate?.(made(Ingress, { ...ingress({}), status: { loadBalancer: { ingress: [{ ip: '1.2.3' }, { hostname: '1.2.3.4' }] } } }), made(Ingress, ingress({}))))).toEqual([
      'status.loadBalancer.ingress[0].ip Invalid', 'status.loadBalancer.ingress[1].hostname Invalid',
    ]);
  });

  it('have classes whose controller stays', () => {
    const cls = (spec: object): object => ({ spec: { controller: 'example.com/ingress', ...spec } });
    const parameters = { kind: 'Config', name: 'c' };
    expect(made(IngressClass, cls({ parameters }))).toMatchObject({ spec: { parameters: { scope: 'Cluster' } } });
    expect(wrong(IngressClass, cls({ parameters }))).toEqual([]);
    expect(wrong(IngressClass, cls({ controller: 'none', parameters: { ...parameters, namespace: 'a' } }))).toEqual(['spec.controller Invalid', 'spec.parameters.namespace Forbidden']);
    expect(wrong(IngressClass, cls({ parameters: { ...parameters, scope: 'Namespace' } }))).toEqual(['spec.parameters.namespace Required']);
    expect(changed(IngressClass, cls({}), cls({ controller: 'example.com/other' }))).toEqual(['spec.controller Invalid']);
  });
});

describe('network policies', () => {
  it('are defaulted and checked', () => {
    expect(made(NetworkPolicy, { spec: { podSelector: {}, ingress: [{ ports: [{ port: 80 }] }] } })).toMatchObject({ spec: { policyTypes: ['Ingress'], ingress: [{ ports: [{ protocol: 'TCP' }] }] } });
    expect(made(NetworkPolicy, { spec: { podSelector: {}, egress: [{}] } }).spec.policyTypes).toEqual(['Ingress', 'Egress']);
    const ingress = (rule: object): string[] => wrong(NetworkPolicy, { spec: { podSelector: {}, ingress: [rule] } });
    expect(ingress({ ports: [{ port: 'http' }, { port: 80, endPort: 90 }], from: [{ podSelector: {}, namespaceSelector: {} }, { ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }] })).toEqual([]);
    expect(ingress({ ports: [{ protocol: 'ICMP' }, { port: 0 }, { port: 90, endPort: 80 }, { endPort: 80 }, { port: 'http', endPort: 80 }] })).toEqual([
      'spec.ingress[0].ports[0].protocol NotSupported', 'spec.ingress[0].ports[1].port Invalid', 'spec.ingress[0].ports[2].endPort Invalid', 'spec.ingress[0].ports[3].port Required', 'spec.ingress[0].ports[4].endPort Invalid',
    ]);
    expect(ingress({ from: [{}, { podSelector: {}, ipBlock: { cidr: '10.0.0.0/8' } }, { ipBlock: {} }, { ipBlock: { cidr: '10.0.0.0/33' } }] })).toEqual([
      'spec.ingress[0].from[0] Required', 'spec.ingress[0].from[1] Forbidden', 'spec.ingress[0].from[2].ipBlock.cidr Required', 'spec.ingress[0].from[3].ipBlock.cidr Invalid',
    ]);
    expect(ingress({ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.0.0.0/8', '11.0.0.0/16', 'fd00::/64', 'x'] } }] })).toEqual([0, 1, 2, 3].map((i) => `spec.ingress[0].from[0].ipBlock.except[${i}] Invalid`));
    expect(wrong(NetworkPolicy, { spec: { podSelector: {}, policyTypes: ['Ingress', 'Sideways'] } })).toEqual(['spec.policyTypes[1] NotSupported']);
  });
});

it('runtime classes keep their handler', () => {
  expect(wrong(RuntimeClass, { handler: 'docker', overhead: { podFixed: { memory: '10Mi' } } })).toEqual([]);
  expect(wrong(RuntimeClass, { handler: 'Not This', overhead: { podFixed: { memory: '-1' } }, scheduling: { tolerations: [{ operator: 'Exists', value: 'x' }] } })).toEqual(['handler Invalid', 'overhead.podFixed[memory] Invalid', 'scheduling.tolerations[0].operator Invalid']);
  expect(changed(RuntimeClass, { handler: 'a' }, { handler: 'b' })).toEqual(['handler Invalid']);
});

describe('endpoints', () => {
  const of = (...subsets: object[]): string[] => wrong(Endpoints, { subsets });
  const good = { addresses: [{ ip: '192.0.2.1', hostname: 'a', nodeName: 'n' }, { ip: '127.0.0.5' }], ports: [{ port: 80 }] };

  it('have addresses and ports that can be', () => {
    expect(of(good, { notReadyAddresses: [{ ip: '2001:db8::1' }] })).toEqual([]);
    expect(made(Endpoints, { subsets: [good] }).subsets?.[0]?.ports).toEqual([{ port: 80, protocol: 'TCP' }]);
    expect(of({ ports: [{ port: 80 }] })).toEqual(['subsets[0] Required']);
    expect(of({ addresses: [{ ip: 'x' }, { ip: '0.0.0.0' }, { ip: '169.254.1.1' }, { ip: '224.0.0.1' }, { ip: 'fe80::1' }, { ip: '::' }] })).toEqual(Array.from({ length: 6 }, (_, i) => `subsets[0].addresses[${i}].ip Invalid`));
    expect(of({ addresses: [{ ip: '192.0.2.1', hostname: 'A_', nodeName: 'N' }] })).toEqual(['subsets[0].addresses[0].hostname Invalid', 'subsets[0].addresses[0].nodeName Invalid']);
    expect(of({ ...good, ports: [{ port: 0, name: 'a' }, { port: 80, protocol: 'ICMP' }, { port: 70_000, name: 'B', appProtocol: 'a b' }] })).toEqual([
      'subsets[0].ports[0].port Invalid', 'subsets[0].ports[1].name Required', 'subsets[0].ports[1].protocol NotSupported',
      'subsets[0].ports[2].name Invalid', 'subsets[0].ports[2].port Invalid', 'subsets[0].ports[2].appProtocol Invalid',
    ]);
  });
});
