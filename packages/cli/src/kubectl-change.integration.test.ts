import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kubectl, requireKubectl } from '@orrery/engines';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Runs } from './test/runs.js';

// What the real kubectl 1.35 changes in a cluster of `orrery up`, beyond what the tests of http-api, rbac and custom-resources do with it.

const folder = mkdtempSync(join(tmpdir(), 'orrery-change-'));
const { missing, note, program } = requireKubectl();
const runs = new Runs(folder);
const kubectl = new Kubectl(program, join(folder, 'home'), join(folder, 'kubeconfig'));
const run = (command: string, input?: string): Promise<string> => kubectl.run(command, input);
const read = (what: string, path: string): Promise<string> => run(`get ${what} -o jsonpath={${path}}`);
/** What a command that fails says. */
async function refused(...args: readonly string[]): Promise<string> {
  const { code, err } = await kubectl.try(args);
  expect([args, code]).not.toEqual([args, 0]);
  return err;
}
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text, { mode: 0o755 });
  return join(folder, name);
};
/** Edits with a program that replaces a text. */
const edit = (from: string, to: string, command: string): Promise<string> => kubectl.with({ KUBE_EDITOR: file('editor', `#!/bin/sh\nsed -i 's/${from}/${to}/' "$1"\n`) }).run(command);
const settings = (a: string): string => `{ apiVersion: v1, kind: ConfigMap, metadata: { name: settings }, data: { a: "${a}" } }`;

beforeAll(async () => {
  if (missing) return;
  Runs.check();
  const server = runs.orrery(['up', '--listen', '127.0.0.1:0', '--store', 'memory', '--runtime', 'simulated', '--nodes', '2', '--data', join(folder, 'data'), '--kubeconfig', join(folder, 'kubeconfig'), '--log', 'error']);
  await server.said(/kubectl get nodes/);
  await run('create deployment web --image=web:1 --replicas=2 --port=8080');
  await run('rollout status deployment/web --timeout=20s');
}, 60_000);
afterAll(async () => {
  await runs.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(missing)(`kubectl${note}`, () => {
  it('creates with the generators that are not tried elsewhere', async () => {
    file('variables', 'x=1\ny=2\n');
    for (const [command, made] of [
      ['role readers --verb=get,list --resource=pods,pods/log --resource-name=a', 'role.rbac.authorization.k8s.io/readers'],
      ['clusterrole metrics --verb=get --non-resource-url=/metrics', 'clusterrole.rbac.authorization.k8s.io/metrics'],
      ['clusterrole sum --aggregation-rule=add-to=sum', 'clusterrole.rbac.authorization.k8s.io/sum'],
      ['rolebinding readers --role=readers --user=anna --serviceaccount=default:default', 'rolebinding.rbac.authorization.k8s.io/readers'],
      ['clusterrolebinding metrics --clusterrole=metrics --group=team', 'clusterrolebinding.rbac.authorization.k8s.io/metrics'],
      ['ingress door --rule=a.example.com/path*=web:80,tls=pair --class=none --default-backend=web:80 --annotation=a=b', 'ingress.networking.k8s.io/door'],
      ['service loadbalancer door --tcp=80:8080', 'service/door'],
      ['secret docker-registry registry --docker-server=r.example.com --docker-username=u --docker-password=p', 'secret/registry'],
      ['serviceaccount robot', 'serviceaccount/robot'],
      [`configmap variables --from-env-file=${join(folder, 'variables')}`, 'configmap/variables'],
      [`configmap files --from-file=${join(folder, 'variables')} --from-file=other=${join(folder, 'variables')}`, 'configmap/files'],
      ['quota besteffort --hard=pods=100 --scopes=BestEffort', 'resourcequota/besteffort'],
      ['pdb web --selector=app=web --max-unavailable=1', 'poddisruptionbudget.policy/web'],
    ] as const) {
      expect(await kubectl.try(['create', ...command.split(' ')])).toEqual({ code: 0, out: `${made} created\n`, err: '' });
    }
    expect(await read('ingress door', '.spec.rules[0].http.paths[0].pathType}{.spec.tls[0].secretName')).toBe('Prefixpair');
    expect(await read('configmap files', '.data.other')).toBe('x=1\ny=2\n');
    expect(await read('secret registry', '.type')).toBe('kubernetes.io/dockerconfigjson');
    expect((await run('create token robot')).split('.')).toHaveLength(3);
    expect(await refused('create', 'configmap', 'variables')).toBe('error: failed to create configmap: configmaps "variables" already exists\n');
    expect(await run('create deployment none --image=x --dry-run=server')).toBe('deployment.apps/none created (server dry run)\n');
    expect(await run('create deployment none --image=x --dry-run=client -o name')).toBe('deployment.apps/none\n');
  });

  it('applies, tells what would change, and keeps what was applied last', async () => {
    expect(await run('create -f -', settings('1'))).toBe('configmap/settings created\n');
    const applied = file('settings.yaml', settings('1'));
    expect(await run(`apply set-last-applied -f ${applied} --create-annotation`)).toContain('configured');
    expect(await run('apply view-last-applied configmap/settings -o json')).toContain('"a": "1"');
    await run(`apply -f ${applied}`);
    expect(await run(`apply -f ${applied}`)).toBe('configmap/settings unchanged\n');
    const other = file('other.yaml', settings('2'));
    expect(await kubectl.try(['diff', '-f', other])).toMatchObject({ code: 1, out: expect.stringMatching(/^- {2}a: "1"\n\+ {2}a: "2"$/m) });
    expect(await kubectl.try(['diff', '-f', applied])).toMatchObject({ code: 0, out: '' });
    expect(await run(`apply -f ${other} --dry-run=server`)).toBe('configmap/settings configured (server dry run)\n');
    expect(await read('configmap settings', '.data.a')).toBe('1');
    expect(await edit('"1"', '"3"', 'apply edit-last-applied configmap/settings')).toContain('configmap/settings edited');
    expect(await run('apply --server-side --force-conflicts -f -', settings('4'))).toBe('configmap/settings serverside-applied\n');
    expect(await kubectl.try(['diff', '--server-side', '-f', other])).toMatchObject({ code: 1, out: expect.stringContaining('+  a: "2"') });
    mkdirSync(join(folder, 'kustomized'));
    file('kustomized/kustomization.yaml', 'namePrefix: my-\nconfigMapGenerator:\n- name: made\n  literals: [a=b]\n');
    expect(await run(`apply -k ${join(folder, 'kustomized')}`)).toMatch(/^configmap\/my-made-\w+ created\n$/);
    expect(await run(`delete -k ${join(folder, 'kustomized')}`)).toMatch(/^configmap "my-made-\w+" deleted/);
  });

  it('edits and replaces', async () => {
    expect(await edit('"4"', '"5"', 'edit configmap settings')).toBe('configmap/settings edited\n');
    expect(await edit('nothing-of-it', '', 'edit configmap settings')).toBe('Edit cancelled, no changes made.\n');
    expect(await edit('replicas: 2', 'replicas: 3', 'edit deployment web')).toBe('deployment.apps/web edited\n');
    await expect(edit('replicas: 3', 'replicas: many', 'edit deployment web')).rejects.toThrow(/cannot be handled as a Deployment/);
    expect(await run('replace -f -', settings('6'))).toBe('configmap/settings replaced\n');
    expect(await run(`replace --force -f ${file('settings.yaml', settings('7'))}`)).toMatch(/configmap "settings" deleted.*\nconfigmap\/settings replaced\n/);
    expect(await refused('replace', '-f', file('none.yaml', settings('1').replace('settings', 'none')))).toContain('configmaps "none" not found');
    const raw = '/api/v1/namespaces/default/configmaps';
    expect(await run(`create --raw ${raw} -f ${file('raw.json', '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"raw"}}')}`)).toContain('"name":"raw"');
    expect(await run(`delete --raw ${raw}/raw`)).toContain('"status":"Success"');
  });

  it('labels, annotates and patches, also a part of an object', async () => {
    expect(await run('label pods -l app=web tier=front')).toMatch(/^(pod\/web-\S+ labeled\n){3}$/);
    expect(await refused('label', 'configmap', 'settings', 'bad key=1')).toContain('metadata.labels: Invalid value: "bad key"');
    await run('label configmap settings a=b');
    expect(await refused('label', 'configmap', 'settings', 'a=c')).toContain(`'a' already has a value (b), and --overwrite is false`);
    expect(await run('label configmap settings a=c --overwrite')).toBe('configmap/settings labeled\n');
    expect(await run('label configmap settings --list')).toBe('a=c\n');
    expect(await run('label configmap settings a-')).toBe('configmap/settings unlabeled\n');
    expect(await refused('annotate', 'configmap', 'settings', 'a=b', '--resource-version=1')).toContain('the object has been modified; please apply your changes to the latest version and try again');
    expect(await run('patch deployment web --subresource=scale --type=merge -p {"spec":{"replicas":2}}')).toBe('scale.autoscaling/web patched\n');
    expect(await run('patch deployment web --subresource=status --type=merge -p {"spec":{"replicas":9}}')).toContain('patched');
    expect(await read('deployment web', '.spec.replicas')).toBe('2');
  });

  it('sets what pods are made of, and follows, stops and undoes it', async () => {
    for (const [command, said] of [
      ['set env deployment/web --from=configmap/variables --prefix=V_', 'deployment.apps/web env updated'],
      ['set image deployment/web *=web:2', 'deployment.apps/web image updated'],
      ['set resources deployment/web --requests=cpu=10m --limits=cpu=20m', 'deployment.apps/web resource requirements updated'],
      ['set serviceaccount deployment/web robot', 'deployment.apps/web serviceaccount updated'],
      ['set selector service/door app=web', 'service/door selector updated'],
      ['set subject rolebinding/readers --user=ben --group=team', 'rolebinding.rbac.authorization.k8s.io/readers subjects updated'],
    ] as const) {
      expect(await run(command)).toContain(`${said}\n`);
    }
    expect(await run('set env deployment/web --list')).toContain('V_X from configmap variables, key x\n');
    expect(await read('deployment web', '.spec.template.spec.serviceAccountName')).toBe('robot');
    expect(await read('rolebinding readers', '.subjects[*].name')).toBe('anna default ben team');
    await run('annotate deployment/web kubernetes.io/change-cause=by-hand');
    expect(await run('rollout status deployment/web --timeout=20s')).toContain('successfully rolled out');
    expect(await run('rollout history deployment/web')).toMatch(/\n\d+ +by-hand\n/);
    expect(await run('rollout history deployment/web --revision=1')).toMatch(/with revision #1\n[^]*Image:\tweb:1\n/);
    expect(await run('rollout pause deployment/web')).toContain('paused');
    expect(await refused('rollout', 'pause', 'deployment/web')).toContain('is already paused');
    expect(await refused('rollout', 'undo', 'deployment/web')).toContain('you cannot rollback a paused deployment');
    expect(await run('rollout resume deployment/web')).toContain('resumed');
    expect(await run('rollout undo deployment/web --to-revision=1')).toContain('rolled back');
    expect(await run('rollout status deployment/web --timeout=20s')).toContain('successfully rolled out');
    expect(await read('deployment web', '.spec.template.spec.containers[0].image')).toBe('web:1');
    expect(await refused('rollout', 'undo', 'deployment/web', '--to-revision=99')).toContain('unable to find specified revision 99 in history');
    expect(await run('rollout restart deployment -l app=web')).toContain('restarted');
    expect(await run('autoscale deployment web --min=1 --max=4 --cpu=50% --memory=100Mi --name=both')).toContain('autoscaled');
    expect(await read('hpa both', '.spec.metrics[*].resource.name')).toMatch(/cpu memory|memory cpu/);
  });

  it('runs, exposes, waits, debugs and resizes', async () => {
    expect(await run('run one --image=one:1 --port=80 --expose --env=A=b --labels=app=one --restart=Never -- serve')).toBe('service/one created\npod/one created\n');
    await run('wait --for=create pod/one --timeout=10s');
    await run('wait --for=condition=Ready pod/one --timeout=20s');
    await run('wait --for=jsonpath={.status.podIP} pod/one --timeout=10s');
    expect(await refused('wait', '--for=condition=Ready=false', 'pod/one', '--timeout=200ms')).toContain('timed out waiting for the condition on pods/one');
    expect(await run('expose deployment web --port=80 --type=NodePort --name=opened')).toBe('service/opened exposed\n');
    await run('debug one --image=tools:1 -c tools --profile=baseline -- sleep 1000');
    expect(await read('pod one', '.spec.ephemeralContainers[*].name')).toBe('tools');
    await run('wait --for=jsonpath={.status.ephemeralContainerStatuses[0].state.running.startedAt} pod/one --timeout=10s');
    expect(await run('describe pod one')).toMatch(/Ephemeral Containers:\n +tools:[^]*State: +Running/);
    await run('debug one --copy-to=two --set-image=*=two:1 --profile=baseline');
    expect(await read('pod two', '.spec.containers[0].image')).toBe('two:1');
    await run('debug node/vm-1 --image=tools:1 --profile=baseline -- sleep 1000');
    expect(await run('get pods -l app.kubernetes.io/managed-by=kubectl-debug --no-headers')).toMatch(/^node-debugger-vm-1-\w+ /);
    expect(await refused('patch', 'pod', 'one', '--subresource=resize', '-p', '{"spec":{"containers":[{"name":"one","resources":{"requests":{"cpu":"20m"}}}]}}')).toContain('Pod QOS Class may not change as a result of resizing');
  });

  it('taints, cordons and drains by selector', async () => {
    expect(await run('taint nodes -l kubernetes.io/os=linux k=v:PreferNoSchedule')).toBe('node/vm-1 tainted\nnode/vm-2 tainted\n');
    expect(await refused('taint', 'nodes', 'vm-1', 'k=w:PreferNoSchedule')).toContain('already has k taint(s) with same effect(s) and --overwrite is false');
    expect(await run('taint nodes --all k:PreferNoSchedule-')).toBe('node/vm-1 untainted\nnode/vm-2 untainted\n');
    expect(await refused('drain', 'vm-1', 'vm-2', '--timeout=5s')).toContain('cannot delete Pods that declare no controller (use --force to override)');
    expect(await run('drain vm-1 --pod-selector=app=web --disable-eviction --timeout=20s')).toMatch(/node\/vm-1 (already )?cordoned\n[^]*node\/vm-1 drained\n/);
    expect(await run('get pods -l app=web --field-selector=spec.nodeName=vm-1')).toContain('No resources found');
    expect(await run('uncordon -l kubernetes.io/os=linux')).toBe('node/vm-1 uncordoned\nnode/vm-2 uncordoned\n');
  });

  it('deletes at once, all of a kind, what is left behind, and what was declared', async () => {
    const forced = await run('delete pod one --grace-period=0 --force');
    expect(forced).toMatch(/pod "one" force deleted[^]*Warning: Immediate deletion does not wait/);
    expect(await run('delete deployment web --cascade=orphan')).toContain('deployment.apps "web" deleted');
    expect(await run('get replicasets -l app=web -o name')).toContain('replicaset.apps/web-');
    await run('delete replicasets --all --cascade=foreground --timeout=20s');
    await run('wait --for=delete pod -l app=web --timeout=20s');
    expect(await run('delete configmap variables --dry-run=server')).toContain('(server dry run)');
    expect(await run('delete configmaps --all')).toMatch(/configmap "files" deleted[^]*configmap "variables" deleted/);
    expect(await run('delete configmap none --ignore-not-found')).toBe('');
    expect(await refused('delete', 'configmap', 'none', '--now')).toContain('configmaps "none" not found');
    expect(await run('create namespace short')).toContain('created');
    expect(await run('delete namespace short --timeout=20s')).toContain('deleted');
  });
});
