import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Container, Pod } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import { podOf } from '../test/build.js';
import { parseResolvConf, podDns } from './dns.js';
import { podHostname } from './hostname.js';
import { hostsFileContent, wantsHostsFile, writeHostsFile } from './hosts-file.js';
import { sandboxConfig } from './sandbox-config.js';

const facts = { clusterDomain: 'cluster.local', machineHostname: 'machine', dns: undefined };
const named = (name: string, spec: object = {}): Pod => podOf(spec, { metadata: { name, namespace: 'ns', uid: 'u-1' } });

describe('the host name of a pod', () => {
  it.each([
    [named('web'), 'web', 'web'],
    [named('web', { hostname: 'own' }), 'own', 'own'],
    [named(`${'x'.repeat(62)}.-tail`), 'x'.repeat(62), 'x'.repeat(62)],
    [named('web', { subdomain: 'sub' }), 'web', 'web'],
    [named('web', { subdomain: 'sub', setHostnameAsFQDN: true }), 'web', 'web.sub.ns.svc.cluster.local'],
    [named('web', { setHostnameAsFQDN: true }), 'web', 'web'],
    [named('web', { hostnameOverride: 'over.example', subdomain: 'sub', hostname: 'h' }), 'over.example', 'over.example'],
    [named('web', { hostNetwork: true }), 'web', 'machine'],
  ])('%#', (pod, hostname, kernel) => {
    expect(podHostname(pod, 'cluster.local').hostname).toBe(hostname);
    expect(sandboxConfig(pod, 0, facts).hostname).toBe(kernel);
  });

  it('a full name the kernel does not take is an error', () => {
    expect(() => sandboxConfig(named('x'.repeat(40), { subdomain: 'y'.repeat(20), setHostnameAsFQDN: true }), 0, facts)).toThrow('is too long (64 characters is the max, 82 characters requested)');
  });
});

describe('a sandbox', () => {
  it('is made as the pod says', () => {
    const ports = [{ containerPort: 80, hostPort: 8080, protocol: 'TCP' }, { containerPort: 53, hostPort: 53, protocol: 'UDP', hostIP: '127.0.0.1' }, { containerPort: 90 }];
    const pod = named('web', { containers: [{ name: 'main', ports }], initContainers: [{ name: 'side', restartPolicy: 'Always', ports: [{ containerPort: 1, hostPort: 1 }] }, { name: 'init', ports: [{ containerPort: 2, hostPort: 2 }] }], shareProcessNamespace: true, hostIPC: true, securityContext: { sysctls: [{ name: 'net/ipv4/tcp_syncookies', value: '0' }] } });
    const dns = { servers: ['10.0.0.53'], searches: [], options: [] };
    expect(sandboxConfig(pod, 3, { ...facts, dns })).toMatchObject({
      pod: { namespace: 'ns', name: 'web', uid: 'u-1' }, attempt: 3, hostNetwork: false, pidNamespace: 'pod', ipcNamespace: 'host', sysctls: { 'net.ipv4.tcp_syncookies': '0' }, dns,
      hostPorts: [{ protocol: 'TCP', containerPort: 1, hostPort: 1 }, { protocol: 'TCP', containerPort: 80, hostPort: 8080 }, { protocol: 'UDP', containerPort: 53, hostPort: 53, hostIP: '127.0.0.1' }],
    });
    expect(sandboxConfig(named('web', { hostPID: true, shareProcessNamespace: true }), 0, facts).pidNamespace).toBe('host');
    expect(sandboxConfig(named('web'), 0, facts)).not.toHaveProperty('pidNamespace');
  });
});

describe('/etc/hosts', () => {
  const head = '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n';
  const aliases = { hostAliases: [{ ip: '1.2.3.4', hostnames: ['a', 'b.example'] }, { ip: '::5', hostnames: ['c'] }] };
  const added = '\n# Entries added by HostAliases.\n1.2.3.4\ta\tb.example\n::5\tc\n';

  it('is the kubelet\'s', () => {
    const name = { hostname: 'web', domain: '' };
    expect(hostsFileContent(named('web'), ['10.0.0.1', 'fd00::1'], name)).toBe(`# Kubernetes-managed hosts file.\n${head}10.0.0.1\tweb\nfd00::1\tweb\n`);
    expect(hostsFileContent(named('web', aliases), ['10.0.0.1'], { hostname: 'web', domain: 'sub.ns.svc.x' })).toBe(`# Kubernetes-managed hosts file.\n${head}10.0.0.1\tweb.sub.ns.svc.x\tweb\n${added}`);
    expect(hostsFileContent(named('web', aliases), ['10.0.0.1'], name, '127.0.0.1 machine\n')).toBe(`# Kubernetes-managed hosts file (host network).\n127.0.0.1 machine\n${added}`);
  });

  it('stays the same file while it says the same', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'orrery-hosts-'));
    try {
      const path = join(folder, 'pod/etc-hosts');
      const write = (ip: string) => writeHostsFile(path, named('web'), [ip], { hostname: 'web', domain: '' }, 'main');
      await write('10.0.0.1');
      const before = statSync(path).ino;
      await write('10.0.0.1');
      expect(statSync(path).ino).toBe(before);
      await write('10.0.0.2');
      expect(readFileSync(path, 'utf8')).toContain('10.0.0.2\tweb\n');
      await writeHostsFile(path, named('web', { hostNetwork: true }), ['10.0.0.2'], { hostname: 'web', domain: '' }, 'main');
      expect(readFileSync(path, 'utf8')).toContain(readFileSync('/etc/hosts', 'utf8').trim());
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each([[{}, true], [{ volumeMounts: [{ name: 'v', mountPath: '/etc/hosts' }] }, false], [{ volumeMounts: [{ name: 'v', mountPath: '/etc/hosts/' }] }, false], [{ volumeMounts: [{ name: 'v', mountPath: '/etc' }] }, true]])(
    'a container that mounts its own has it: %j', (container, wanted) => expect(wantsHostsFile({ name: 'c', ...container } as Container)).toBe(wanted),
  );
});

describe('how names are resolved', () => {
  const host = parseResolvConf('# comment\nnameserver 9.9.9.9\nnameserver 8.8.8.8\nsearch old.example\nsearch corp.example. lan\noptions timeout:1 rotate\n');
  const cluster = { clusterDNS: ['10.96.0.10'], clusterDomain: 'cluster.local' };
  const searches = ['ns.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'corp.example', 'lan'];
  const dns = (spec: object, settings = cluster) => podDns(named('web', spec), settings, host).config;

  it('the node\'s settings are read as resolvers read them', () => {
    expect(host).toEqual({ servers: ['9.9.9.9', '8.8.8.8'], searches: ['corp.example', 'lan'], options: ['timeout:1', 'rotate'] });
  });

  it.each([
    [{}, cluster, { servers: ['10.96.0.10'], searches, options: ['ndots:5'] }],
    [{ hostNetwork: true }, cluster, host],
    [{ hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }, cluster, { servers: ['10.96.0.10'], searches, options: ['ndots:5'] }],
    [{ dnsPolicy: 'Default' }, cluster, host],
    [{}, { ...cluster, clusterDNS: [] }, host],
    [{ dnsPolicy: 'None', dnsConfig: { nameservers: ['1.1.1.1'], searches: ['x'], options: [{ name: 'edns0' }] } }, cluster, { servers: ['1.1.1.1'], searches: ['x'], options: ['edns0'] }],
    [{ dnsConfig: { nameservers: ['10.96.0.10', '1.1.1.1'], searches: ['lan', 'y'], options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }] } }, cluster, { servers: ['10.96.0.10', '1.1.1.1'], searches: [...searches, 'y'], options: ['ndots:2', 'edns0'] }],
  ])('%j', (spec, settings, expected) => expect(dns(spec, settings)).toEqual(expected));

  it('what resolvers would not read is left out, and told', () => {
    const long = Array.from({ length: 40 }, (_, i) => `${'d'.repeat(70)}${i}.example`);
    const { config, warnings } = podDns(named('web', { dnsPolicy: 'None', dnsConfig: { nameservers: ['1.1.1.1', '2.2.2.2', '3.3.3.3', '4.4.4.4'], searches: long } }), cluster, host);
    expect(config.servers).toEqual(['1.1.1.1', '2.2.2.2', '3.3.3.3']);
    expect(config.searches.join(' ').length).toBeLessThanOrEqual(2048);
    expect(config.searches.length).toBeGreaterThan(20);
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toBe('Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 1.1.1.1 2.2.2.2 3.3.3.3');
    expect(podDns(named('web', { dnsPolicy: 'None', dnsConfig: { searches: Array.from({ length: 40 }, (_, i) => `s${i}`) } }), cluster, host).config.searches).toHaveLength(32);
  });
});
