import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ApiError, cloneJson, type OrreryError, Service, type ServiceSpec } from '@orrery/core';
import { SeededRandom } from '@orrery/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LoopbackNetwork } from './loopback-network.js';
import { parseBlock } from './ranges.js';

const make = (seed = 1, cidr = '127.200.0.0/24'): LoopbackNetwork => new LoopbackNetwork({ block: parseBlock(cidr), random: new SeededRandom(seed) });

function service(spec: Partial<ServiceSpec> = {}, name = 'web'): Service {
  const draft = { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default' }, spec: { ports: [{ port: 80 }], selector: { app: 'web' }, ...spec } } as Service;
  Service.rules.applyDefaults?.(draft);
  Service.rules.prepareForCreate?.(draft);
  return draft;
}

/** Allocates as the server does; the draft is the result. */
function created(network: LoopbackNetwork, spec?: Partial<ServiceSpec>): Service {
  const draft = service(spec);
  network.allocate(draft, undefined);
  return draft;
}

function causes(run: () => unknown): { readonly field?: string; readonly message?: string }[] {
  try {
    run();
  } catch (error) {
    if (ApiError.is(error, 'Invalid')) return (error.details.causes ?? []).map(({ field, message }) => ({ field: field ?? '', message: message ?? '' }));
    throw error;
  }
  throw new Error('it was not refused');
}

const used = ({ addresses, ports }: LoopbackNetwork): [number, number] => [addresses.taken, ports.taken];

describe('addresses', () => {
  it('are given where none is asked for, with families and policy', () => {
    const { spec } = created(make());
    expect(spec).toMatchObject({ clusterIPs: [spec.clusterIP], ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' });
    expect(spec.clusterIP).toMatch(/^127\.200\.0\.\d+$/);
  });

  it('are honoured when asked for, refused when taken or outside', () => {
    const network = make();
    expect(created(network, { clusterIP: '127.200.0.9' }).spec.clusterIPs).toEqual(['127.200.0.9']);
    const [taken] = causes(() => created(network, { clusterIP: '127.200.0.9' }));
    expect(taken).toEqual({ field: 'spec.clusterIPs', message: 'Invalid value: ["127.200.0.9"]: failed to allocate IP 127.200.0.9: provided IP is already allocated' });
    const [outside] = causes(() => created(network, { clusterIP: '10.0.0.1' }));
    expect(outside?.message).toContain('is not in the valid range. The range of valid IPs is 127.200.0.0/24');
    for (const edge of ['127.200.0.0', '127.200.0.255']) expect(causes(() => created(network, { clusterIP: edge }))).toHaveLength(1);
    expect(used(network)).toEqual([1, 0]);
  });

  it('are not needed by headless services and external names', () => {
    const network = make();
    expect(created(network, { clusterIP: 'None' }).spec).toMatchObject({ clusterIP: 'None', clusterIPs: ['None'], ipFamilies: ['IPv4'] });
    const external = created(network, { type: 'ExternalName', externalName: 'example.org' }).spec;
    expect([external.clusterIP, external.ipFamilies]).toEqual([undefined, undefined]);
    expect(used(network)).toEqual([0, 0]);
  });

  it('run out with a clear error', () => {
    const network = make(1, '127.200.0.0/28');
    for (let i = 0; i < 14; i += 1) created(network);
    expect(() => created(network)).toThrow(expect.objectContaining({ code: 'EXHAUSTED' }) as OrreryError);
  });

  it('of IPv6 and dual stack are refused', () => {
    const network = make();
    expect(causes(() => created(network, { ipFamilies: ['IPv6'] }))[0]?.field).toBe('spec.ipFamilies[0]');
    expect(causes(() => created(network, { ipFamilyPolicy: 'RequireDualStack' }))[0]?.field).toBe('spec.ipFamilyPolicy');
    expect(causes(() => created(network, { clusterIP: 'fd00::1' }))[0]?.field).toBe('spec.clusterIPs[0]');
    expect(created(network, { ipFamilyPolicy: 'PreferDualStack' }).spec.ipFamilies).toEqual(['IPv4']);
    expect(used(network)).toEqual([1, 0]);
  });
});

describe('node ports', () => {
  it('are given to the types that have them', () => {
    const network = make();
    const port = created(network, { type: 'NodePort' }).spec.ports?.[0]?.nodePort ?? 0;
    expect(port >= 30_000 && port <= 32_767).toBe(true);
    expect(created(network, { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false }).spec.ports?.[0]?.nodePort).toBeUndefined();
    const balanced = created(network, { type: 'LoadBalancer', externalTrafficPolicy: 'Local' }).spec;
    expect(balanced.healthCheckNodePort).toBeGreaterThanOrEqual(30_000);
    expect(used(network)).toEqual([3, 3]);
  });

  it('are honoured when asked for, refused when taken or outside', () => {
    const network = make();
    const ask = (nodePort: number) => created(network, { type: 'NodePort', ports: [{ port: 80, nodePort }] });
    ask(30_080);
    expect(causes(() => ask(30_080))).toEqual([{ field: 'spec.ports[0].nodePort', message: 'Invalid value: 30080: provided port is already allocated' }]);
    expect(causes(() => ask(80))[0]?.message).toBe('Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767');
    expect(used(network)).toEqual([1, 1]);
  });

  it('are shared by the protocols of one port', () => {
    const network = make();
    const ports = created(network, { type: 'NodePort', ports: [{ name: 'a', port: 53, protocol: 'UDP' }, { name: 'b', port: 53, protocol: 'TCP' }, { name: 'c', port: 54 }] }).spec.ports ?? [];
    expect(ports[0]?.nodePort).toBe(ports[1]?.nodePort);
    expect(ports[2]?.nodePort).not.toBe(ports[0]?.nodePort);
    expect(used(network)).toEqual([1, 2]);
  });
});

describe('an update', () => {
  it('keeps what the old one had, and takes only what is new', () => {
    const network = make();
    const old = created(network, { type: 'NodePort' });
    const next = cloneJson(old);
    next.spec.ports?.push({ name: 'more', port: 81, protocol: 'TCP' });
    const undo = network.allocate(next, old);
    expect(next.spec.clusterIP).toBe(old.spec.clusterIP);
    expect(next.spec.ports?.[0]?.nodePort).toBe(old.spec.ports?.[0]?.nodePort);
    expect(used(network)).toEqual([1, 2]);
    undo();
    expect(used(network)).toEqual([1, 1]);
  });

  it('to another type is settled by freeing and taking what it holds', () => {
    const network = make();
    const old = created(network, { type: 'NodePort' });
    const next = cloneJson(old);
    next.spec.type = 'ClusterIP';
    delete next.spec.ports?.[0]?.nodePort;
    network.allocate(next, old);
    expect(used(network)).toEqual([1, 1]);
    network.free(network.holds(old));
    network.take(network.holds(next));
    expect(used(network)).toEqual([1, 0]);
  });
});

describe('whatever happens', () => {
  const spec = fc.record({
    type: fc.constantFrom('ClusterIP', 'NodePort', 'LoadBalancer'),
    clusterIP: fc.option(fc.integer({ min: 0, max: 40 }).map((n) => `127.200.0.${n}`), { nil: undefined }),
    nodePort: fc.option(fc.integer({ min: 29_999, max: 30_020 }), { nil: undefined }),
    ports: fc.integer({ min: 1, max: 3 }),
    fate: fc.constantFrom('keep', 'undo', 'undo twice', 'release', 'release twice'),
  });

  it('nothing is given twice, and undo and release are exact', () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(spec, { maxLength: 40 }), (seed, specs) => {
        const network = make(seed);
        const kept: Service[] = [];
        const held = (): [number, number] => {
          const ips = kept.map((one) => one.spec.clusterIP);
          const ports = kept.flatMap((one) => [...new Set((one.spec.ports ?? []).flatMap(({ nodePort }) => (nodePort === undefined ? [] : [nodePort])))]);
          expect(new Set(ips).size).toBe(ips.length);
          expect(new Set(ports).size).toBe(ports.length);
          return [ips.length, ports.length];
        };
        for (const { type, clusterIP, nodePort, ports, fate } of specs) {
          const list = Array.from({ length: ports }, (_, i) => ({ name: `p${i}`, port: 80 + i, ...(i === 0 && nodePort !== undefined && type !== 'ClusterIP' && { nodePort }) }));
          const draft = service({ type, ports: list, ...(clusterIP !== undefined && { clusterIP }) });
          const before = used(network);
          try {
            const undo = network.allocate(draft, undefined);
            kept.push(draft);
            expect(used(network)).toEqual(held());
            if (fate === 'keep') continue;
            kept.pop();
            for (let i = fate.endsWith('twice') ? 0 : 1; i < 2; i += 1) if (fate.startsWith('undo')) undo();
              else network.free(network.holds(draft));
          } catch (error) {
            if (!ApiError.is(error, 'Invalid')) throw error;
          }
          expect(used(network)).toEqual(before);
        }
        const restarted = make(seed);
        for (const one of [...kept, ...kept]) restarted.take(restarted.holds(one));
        expect(used(restarted)).toEqual(held());
      }),
    );
  });
});

describe('vectors', () => {
  const file = join(process.env['ORRERY_VECTORS'] ?? '../shared/vectors', 'validation-core.json');
  if (!existsSync(file) && process.env['ORRERY_REQUIRE'] === 'all') throw new Error(`There are no vectors at ${file}.`);

  it.skipIf(!existsSync(file))('Services are allocated as by Kubernetes', () => {
    interface Case {
      readonly name: string;
      readonly input: { readonly object: Service };
      readonly expected: { readonly allocated?: { clusterIPs: number; healthCheckNodePort: boolean; ipFamilies: string[]; ipFamilyPolicy: string; nodePorts: number } };
    }
    const cases = (JSON.parse(readFileSync(file, 'utf8')) as Case[]).filter(({ expected }) => expected.allocated !== undefined);
    expect(cases.length).toBeGreaterThan(0);
    for (const { name, input, expected } of cases) {
      const text = JSON.stringify(input.object).replaceAll('"10.0.', '"127.200.');
      const draft = service({ selector: {}, ...(JSON.parse(text) as Service).spec });
      make(1, '127.200.0.0/16').allocate(draft, undefined);
      const { clusterIPs, healthCheckNodePort = 0, ipFamilies, ipFamilyPolicy, ports } = draft.spec;
      const nodePorts = new Set(ports?.flatMap(({ nodePort = 0 }) => (nodePort === 0 ? [] : [nodePort]))).size;
      expect({ name, clusterIPs: clusterIPs?.length ?? 0, healthCheckNodePort: healthCheckNodePort !== 0, ipFamilies, ipFamilyPolicy, nodePorts }).toEqual({ name, ...expected.allocated });
    }
  });
});
