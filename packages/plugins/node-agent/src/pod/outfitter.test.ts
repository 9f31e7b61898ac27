import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Container, EventRecorder, Pod, Runtime } from '@orrery/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileTerminationMessages } from '../termination/termination-messages.js';
import { podOf } from '../test/build.js';
import { PodFolders } from '../volumes/pod-folders.js';
import { Volumes } from '../volumes/volumes.js';
import { nodeSettings } from './node-settings.js';
import { Outfitter } from './outfitter.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'orrery-outfit-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const outfitterOf = (capabilities: object = {}, settings: Parameters<typeof nodeSettings>[0] = {}) => {
  const told: string[] = [];
  const runtime = { capabilities: { mounts: true, namespaces: true, confinement: true, realProcesses: true, ...capabilities } } as Runtime;
  const folders = new PodFolders(root);
  const outfitter = new Outfitter({
    runtime, folders,
    sources: { configMap: async () => undefined, secret: async () => undefined, services: () => [], hostIP: '10.0.0.1', allocatable: {} },
    volumes: new Volumes({ folders, hostPaths: [], mounter: undefined, bindSubPaths: false, memoryBytes: 2 ** 30, notice: () => {} }),
    terminations: new FileTerminationMessages(folders, runtime),
    settings: nodeSettings(settings),
    events: { event: (_about, _type, reason, message) => told.push(`${reason}: ${message}`) } as EventRecorder,
    machineHostname: 'machine', memoryBytes: 2 ** 30,
  });
  return { outfitter, told };
};
const main = (more: object = {}): Container => ({ name: 'main', image: 'i', ...more }) as Container;
const mountsOf = async (pod: Pod, container: Container, capabilities: object = {}) =>
  Object.fromEntries((await outfitterOf(capabilities).outfitter.container(pod, container, 0, ['10.1.0.9'])).mounts.map(({ containerPath, hostPath }) => [containerPath, hostPath]));

describe('the outfit of a container', () => {
  it('has the pod\'s hosts file and a place for last words', async () => {
    const mounts = await mountsOf(podOf({ hostAliases: [{ ip: '1.1.1.1', hostnames: ['one'] }] }), main());
    expect(Object.keys(mounts).sort()).toEqual(['/dev/termination-log', '/etc/hosts']);
    expect(readFileSync(mounts['/etc/hosts'] ?? '', 'utf8')).toMatch(/10\.1\.0\.9\tpod\n\n# Entries added by HostAliases\.\n1\.1\.1\.1\tone\n$/);
    writeFileSync(mounts['/dev/termination-log'] ?? '', 'words');
    expect(readFileSync((await mountsOf(podOf({}), main()))['/dev/termination-log'] ?? '', 'utf8')).toBe('words');
  });

  it('containers that start at once write one hosts file', async () => {
    const { outfitter } = outfitterOf();
    const containers = Array.from({ length: 20 }, (_, i) => main({ name: `c${i}` }));
    await Promise.all(containers.map((container) => outfitter.container(podOf({ containers }), container, 0, ['10.1.0.9'])));
    expect(readFileSync(join(root, 'pods/u-1/etc-hosts'), 'utf8')).toContain('10.1.0.9\tpod\n');
  });

  it('has neither where a container brings its own, or the runtime puts mounts elsewhere', async () => {
    const volumes = [{ name: 'v', emptyDir: {} }];
    const volumeMounts = ['/etc/hosts', '/dev/termination-log'].map((mountPath) => ({ name: 'v', mountPath }));
    const mounts = await mountsOf(podOf({ volumes }), main({ volumeMounts }));
    expect(mounts).toEqual({ '/etc/hosts': join(root, 'pods/u-1/volumes/v'), '/dev/termination-log': join(root, 'pods/u-1/volumes/v') });
    expect(await mountsOf(podOf({}), main(), { mounts: false })).toEqual({});
  });

  it('last words inside a volume have a place of their own only where mounts are more than links', async () => {
    const pod = podOf({ volumes: [{ name: 'v', emptyDir: {} }] });
    const container = main({ volumeMounts: [{ name: 'v', mountPath: '/out/' }], terminationMessagePath: '/out/words' });
    expect(Object.keys(await mountsOf(pod, container, { mounts: false }))).toEqual(['/out/']);
    expect(Object.keys(await mountsOf(pod, container))).toContain('/out/words');
  });

  it('subPathExpr sees the container\'s environment', async () => {
    const pod = podOf({ volumes: [{ name: 'v', emptyDir: {} }] });
    rmSync(root, { recursive: true });
    const { outfitter } = outfitterOf();
    await new Volumes({ folders: new PodFolders(root), hostPaths: [], mounter: undefined, bindSubPaths: false, memoryBytes: 1, notice: () => {} }).prepare(pod, {} as never);
    const container = main({ env: [{ name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }], volumeMounts: [{ name: 'v', mountPath: '/v', subPathExpr: 'of/$(POD)' }] });
    expect((await outfitter.container(pod, container, 0, [])).mounts[0]?.hostPath).toMatch(/volumes\/v\/of\/pod$/);
  });

  it('one that is added to a running pod gets no more than the policy allows', async () => {
    const debug = main({ name: 'debug', securityContext: { privileged: true } });
    const pod = podOf({ ephemeralContainers: [debug] });
    await expect(outfitterOf().outfitter.container(pod, debug, 0, [])).rejects.toThrow('spec.ephemeralContainers[0].securityContext.privileged: a privileged container is not allowed on this node');
    expect((await outfitterOf({}, { policy: { privileged: true } }).outfitter.container(pod, debug, 0, [])).security.privileged).toBe(true);
  });
});

describe('the outfit of a sandbox', () => {
  it('resolves names as the node\'s settings and the pod say', async () => {
    writeFileSync(join(root, 'resolv.conf'), 'nameserver 9.9.9.9\nsearch lan\n');
    const settings = { clusterDNS: ['10.96.0.10'], resolvConf: join(root, 'resolv.conf') };
    expect((await outfitterOf({}, settings).outfitter.sandbox(podOf({}), 0)).dns).toEqual({ servers: ['10.96.0.10'], searches: ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'lan'], options: ['ndots:5'] });
    const { outfitter, told } = outfitterOf({}, settings);
    await outfitter.sandbox(podOf({ dnsPolicy: 'Default', dnsConfig: { nameservers: ['1.1.1.1', '2.2.2.2', '3.3.3.3'] } }), 0);
    expect(told).toEqual([expect.stringMatching(/^DNSConfigForming: Nameserver limits were exceeded/)]);
    expect(await outfitterOf({}, { resolvConf: '' }).outfitter.sandbox(podOf({}), 0)).toMatchObject({ dns: { servers: [], searches: [], options: [] } });
    expect(await outfitterOf({ namespaces: false }).outfitter.sandbox(podOf({}), 0)).not.toHaveProperty('dns');
  });
});
