import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { Deployment, Pod, Secret, Service } from '@orrery/core';
import { Kubectl, kubeconfig, requireKubectl } from '@orrery/engines';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCluster, TOKEN } from './test/cluster.js';

// The real helm 4 with the chart that `helm create` makes, over HTTPS, against a whole orchestrator with simulated containers.

const { missing, note, program } = requireKubectl('helm');

let cluster: TestCluster;
let helm: Kubectl;
let chart = '';

beforeAll(async () => {
  if (missing) return;
  cluster = await TestCluster.start();
  helm = new Kubectl(program, join(cluster.folder, 'helm'), kubeconfig(cluster.url, { 'certificate-authority-data': Buffer.from(cluster.authority.certificate).toString('base64') }, { token: TOKEN }));
  execFileSync(program, ['create', 'chart'], { cwd: cluster.folder, env: helm.environment, stdio: 'pipe' });
  chart = join(cluster.folder, 'chart');
});
afterAll(async () => {
  await cluster?.stop();
});

describe.skipIf(missing)(`helm${note}`, () => {
  it('installs, upgrades, tests, rolls back and uninstalls a chart, and keeps its history in Secrets', async () => {
    const { client } = cluster.orchestrator;
    const replicas = async () => (await client.kind(Deployment).get({ namespace: 'default', name: 'web-chart' })).status?.readyReplicas;
    const status = async () => JSON.parse(await helm.run('status web -o json')).info.status;
    expect(await helm.run(`install web ${chart} --wait --timeout 30s`)).toMatch(/NAME: web\n[^]*STATUS: deployed\nREVISION: 1/);
    expect(await replicas()).toBe(1);
    const again = await helm.try(['install', 'web', chart]);
    expect([again.code, again.err]).toEqual([1, expect.stringContaining('cannot reuse a name that is still in use')]);

    expect(await helm.run(`upgrade web ${chart} --set replicaCount=2 --wait --timeout 30s`)).toMatch(/has been upgraded[^]*REVISION: 2/);
    expect(await replicas()).toBe(2);
    expect(await helm.run('test web --timeout 30s')).toMatch(/Phase: +Succeeded/);
    expect(await helm.run('rollback web 1 --wait --timeout 30s')).toContain('Rollback was a success');
    expect(await replicas()).toBe(1);
    expect(JSON.parse(await helm.run('history web -o json')).map(({ status: was }: { status: string }) => was)).toEqual(['superseded', 'superseded', 'deployed']);
    expect(await status()).toBe('deployed');
    expect((await client.kind(Secret).list({ labelSelector: 'owner=helm,name=web' })).items.map(({ metadata, type }) => [metadata.name, type])).toEqual(
      [1, 2, 3].map((n) => [`sh.helm.release.v1.web.v${n}`, 'helm.sh/release.v1']),
    );

    // A field that somebody else took is a conflict, and nothing of the upgrade happens to that object.
    await client.kind(Deployment).apply({ metadata: { namespace: 'default', name: 'web-chart' }, spec: { replicas: 4 } } as never, { fieldManager: 'scaler', force: true });
    const contested = await helm.try(['upgrade', 'web', chart, '--set', 'replicaCount=3']);
    expect([contested.code, contested.err]).toEqual([1, expect.stringMatching(/conflict/i)]);
    expect(await helm.run(`upgrade web ${chart} --set replicaCount=3 --force-conflicts --wait --timeout 30s`)).toContain('has been upgraded');
    expect(await replicas()).toBe(3);

    expect(await helm.run('uninstall web --wait --timeout 30s')).toContain('release "web" uninstalled');
    for (const kind of [Deployment, Service]) expect((await client.kind(kind as typeof Deployment).list({ namespace: 'default', labelSelector: 'app.kubernetes.io/instance=web' })).items).toEqual([]);
    await expect.poll(async () => (await client.kind(Pod).list({ namespace: 'default', labelSelector: 'app.kubernetes.io/name=chart,pod-template-hash' })).items).toEqual([]);
    expect((await client.kind(Secret).list({ labelSelector: 'owner=helm' })).items).toEqual([]);
  });

  it('says what a chart would do, at the server', async () => {
    const planned = await helm.run(`install later ${chart} --dry-run=server`);
    expect(planned).toContain('kind: Deployment');
    expect((await cluster.orchestrator.client.kind(Deployment).list({ namespace: 'default' })).items).toEqual([]);
    const wrong = await helm.try(['install', 'wrong', chart, '--set', 'service.port=70000']);
    expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining('must be between 1 and 65535')]);
    await helm.try(['uninstall', 'wrong']);
  });
});
