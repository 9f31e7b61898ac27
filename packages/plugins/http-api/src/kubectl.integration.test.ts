import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { ConfigMap, defineKind, Deployment, Pod, ReplicaSet, Secret } from '@orrery/core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { TestCluster, TOKEN } from './test/cluster.js';
import { Kubectl, kubeconfig, requireKubectl } from './test/kubectl.js';

// The real kubectl 1.35, over HTTPS, against a whole orchestrator with simulated containers.

const { missing, note, program } = requireKubectl();

let cluster: TestCluster;
let kubectl: Kubectl;
let namespace = '';
let count = 0;

const as = (folder: string, user: object): Kubectl =>
  new Kubectl(program, join(cluster.folder, folder), kubeconfig(cluster.url, { 'certificate-authority-data': base64(cluster.authority.certificate) }, user));
const base64 = (text: string): string => Buffer.from(text).toString('base64');

beforeAll(async () => {
  if (missing) return;
  cluster = await TestCluster.start();
  kubectl = as('anna', { token: TOKEN });
});
afterAll(async () => {
  await cluster?.stop();
});
beforeEach(async () => {
  if (missing) return;
  namespace = `t${(count += 1)}`;
  await kubectl.run('create -f -', `{apiVersion: v1, kind: Namespace, metadata: {name: ${namespace}}}`);
});

/** A command in the namespace of the test. */
const run = (command: string, input?: string): Promise<string> => kubectl.run(`-n ${namespace} ${command}`, input);
const deployment = (image = 'web:1', replicas = 2): string => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, labels: { app: web } }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: main, image: "${image}", ports: [{ containerPort: 80 }] }] }
`;
const configMap = (data = '{ a: "1", b: "2" }'): string => `{ apiVersion: v1, kind: ConfigMap, metadata: { name: m }, data: ${data} }`;
const stored = () => cluster.orchestrator.client.kind(ConfigMap).get({ namespace, name: 'm' });
const rolledOut = () => run('rollout status deployment/web --timeout=30s');

describe.skipIf(missing)(`kubectl${note}`, () => {
  it('finds out what is served', async () => {
    expect(await kubectl.run('version')).toMatch(/Client Version: v1\.35\.\d+\n[^]*Server Version: v1\.36\.0/);
    const resources = await kubectl.run('api-resources');
    for (const line of [/^pods +po +v1 +true +Pod$/m, /^deployments +deploy +apps\/v1 +true +Deployment$/m, /^nodes +no +v1 +false +Node$/m]) expect(resources).toMatch(line);
    expect(await kubectl.run('api-resources --api-group=apps -o name')).toContain('statefulsets.apps');
    expect((await kubectl.run('api-versions')).split('\n')).toEqual(expect.arrayContaining(['v1', 'apps/v1', 'batch/v1']));
    expect(await kubectl.run('get --raw /readyz?verbose')).toContain('[+]objects ok');
  });

  it('explains fields, also of a kind that was added while running', async () => {
    expect(await kubectl.run('explain deployment.spec.strategy')).toMatch(/FIELDS:[^]*rollingUpdate\t<Object>[^]*type\t<string>/);
    expect(await kubectl.run('explain pod.spec.containers')).toMatch(/FIELD: containers <\[\]Object>[^]*imagePullPolicy\t<string>/);
    const Comet = defineKind({ group: 'sky.example.com', version: 'v1', kind: 'Comet', shortNames: ['cmt'], spec: z.object({ tail: z.string().optional() }), columns: [{ name: 'Tail', type: 'string', jsonPath: '.spec.tail' }] });
    await cluster.orchestrator.addKind(Comet);
    expect(await kubectl.run('explain comet.spec')).toContain('tail\t<string>');
    await run('apply -f -', '{ apiVersion: sky.example.com/v1, kind: Comet, metadata: { name: c }, spec: { tail: long } }');
    expect(await run('get cmt')).toMatch(/^NAME +TAIL +AGE\nc +long +\d+s\n$/);
    expect(await run('delete comet c')).toContain('comet.sky.example.com "c" deleted');
  });

  it('gets objects as tables, YAML, JSON and names, by selectors and in chunks', async () => {
    await run('apply -f -', deployment());
    await rolledOut();
    expect(await run('get deployments')).toMatch(/^NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +2\/2 +2 +2 +\d+s\n$/);
    expect(await run('get pods -o wide')).toMatch(/NODE +NOMINATED NODE +READINESS GATES\nweb-\S+ +1\/1 +Running +0 +\d+s +\S+ +n[12] /);
    expect(await run('get deployment web -o yaml')).toMatch(/^apiVersion: apps\/v1\nkind: Deployment\nmetadata:/);
    expect(JSON.parse(await run('get pods -l app=web -o json')).items).toHaveLength(2);
    expect((await run('get pods -o name --chunk-size=1')).trim().split('\n')).toHaveLength(2);
    expect(await run('get pods --field-selector=status.phase!=Running')).toContain('No resources found');
    expect(await run('get pods --sort-by=.metadata.name -o jsonpath={.items[*].spec.containers[0].image}')).toBe('web:1 web:1');
    expect(await run('get all')).toMatch(/pod\/web-[^]*deployment.apps\/web[^]*replicaset.apps\/web-/);
    expect(await kubectl.run('get pods -A')).toMatch(new RegExp(`^${namespace} +web-`, 'm'));
    expect(await kubectl.try(['-n', namespace, 'get', 'pod', 'none'])).toMatchObject({ code: 1, err: 'Error from server (NotFound): pods "none" not found\n' });
  });

  it('watches', async () => {
    await run('apply -f -', configMap());
    const watching = kubectl.start(`-n ${namespace} get configmaps -w --output-watch-events`);
    let seen = '';
    const until = (text: RegExp): Promise<void> =>
      new Promise((resolve, reject) => {
        const look = (): void => void (text.test(seen) && resolve());
        watching.stdout?.on('data', look);
        watching.once('exit', () => reject(new Error(`it ended: ${seen}`)));
        look();
      });
    watching.stdout?.on('data', (chunk: Buffer) => (seen += chunk.toString()));
    await until(/ADDED +m +2/);
    await run('patch configmap m -p {"data":{"c":"3"}}');
    await until(/MODIFIED +m +3/);
    await run('delete configmap m');
    await until(/DELETED +m +3/);
    watching.removeAllListeners('exit');
    watching.kill();
  });

  it('creates and applies, and leaves alone what is so already', async () => {
    expect(await run('create -f -', configMap())).toBe('configmap/m created\n');
    expect((await kubectl.try(['-n', namespace, 'create', '-f', '-'], configMap())).err).toContain('Error from server (AlreadyExists): error when creating "STDIN": configmaps "m" already exists');
    await run('delete configmap m');
    expect(await run('apply -f -', configMap())).toBe('configmap/m created\n');
    const { resourceVersion } = (await stored()).metadata;
    expect(await run('apply -f -', configMap())).toBe('configmap/m unchanged\n');
    expect((await stored()).metadata.resourceVersion).toBe(resourceVersion);
    const diff = await kubectl.try(['-n', namespace, 'diff', '-f', '-'], configMap('{ a: "9" }'));
    expect(diff).toMatchObject({ code: 1, out: expect.stringMatching(/^-  a: "1"\n-  b: "2"\n\+  a: "9"$/m) });
    expect(await kubectl.try(['-n', namespace, 'diff', '-f', '-'], configMap())).toMatchObject({ code: 0, out: '' });
    expect(await run('apply -f -', configMap('{ a: "9" }'))).toBe('configmap/m configured\n');
    expect((await stored()).data).toEqual({ a: '9' });
    expect(await run('apply --dry-run=server -f -', configMap('{ a: "10" }'))).toBe('configmap/m configured (server dry run)\n');
    expect((await stored()).data).toEqual({ a: '9' });
    expect(await run('replace -f -', configMap('{ z: "1" }'))).toBe('configmap/m replaced\n');
    expect((await stored()).data).toEqual({ z: '1' });
    const unknown = await kubectl.try(['-n', namespace, 'apply', '-f', '-'], deployment().replace('replicas:', 'replicaz:'));
    expect(unknown).toMatchObject({ code: 1, err: expect.stringContaining('strict decoding error: unknown field "spec.replicaz"') });
    expect((await kubectl.try(['-n', namespace, 'apply', '-f', '-'], deployment('').replace('app: web } }\n  template', 'app: other } }\n  template'))).err).toMatch(/The Deployment "web" is invalid/);
  });

  it('creates with its generators, which send protobuf', async () => {
    const other = `${namespace}-made`;
    expect(await kubectl.run(`create namespace ${other}`)).toBe(`namespace/${other} created\n`);
    const { key, cert } = cluster.authority.issue('web', '/CN=web');
    const [keyFile, certFile] = [join(cluster.folder, 'tls.key'), join(cluster.folder, 'tls.crt')];
    writeFileSync(keyFile, key);
    writeFileSync(certFile, cert);
    for (const [command, name] of [
      ['configmap settings --from-literal=a=1 --from-literal=b=2', 'configmap/settings'],
      ['secret generic keys --from-literal=password=hunter2', 'secret/keys'],
      ['secret tls pair --cert=CERT --key=KEY', 'secret/pair'],
      ['serviceaccount robot', 'serviceaccount/robot'],
      ['deployment web --image=web:1 --replicas=2 --port=80 -- serve', 'deployment.apps/web'],
      ['job once --image=work:1 -- work', 'job.batch/once'],
      ['cronjob nightly --image=work:1 --schedule=0_3_*_*_*', 'cronjob.batch/nightly'],
      ['job by-hand --from=cronjob/nightly', 'job.batch/by-hand'],
      ['quota most --hard=pods=50,requests.cpu=10', 'resourcequota/most'],
      ['poddisruptionbudget keep --selector=app=web --min-available=50%', 'poddisruptionbudget.policy/keep'],
      ['service clusterip web --tcp=80:8080', 'service/web'],
      ['service nodeport open --tcp=80:8080', 'service/open'],
      ['service externalname away --external-name=example.com', 'service/away'],
    ] as const) {
      const words = command.replace('CERT', certFile).replace('KEY', keyFile).split(' ').map((word) => word.replaceAll('_', ' '));
      expect(await kubectl.try(['-n', namespace, 'create', ...words])).toMatchObject({ code: 0, out: `${name} created\n`, err: '' });
    }
    const { client } = cluster.orchestrator;
    expect((await client.kind(Secret).get({ namespace, name: 'keys' })).data).toEqual({ password: base64('hunter2') });
    expect((await client.kind(Deployment).get({ namespace, name: 'web' })).spec).toMatchObject({ replicas: 2, template: { spec: { containers: [{ name: 'web', image: 'web:1', command: ['serve'], ports: [{ containerPort: 80, protocol: 'TCP' }] }] } } });
    expect(await run('get cronjob nightly -o jsonpath={.spec.schedule}')).toBe('0 3 * * *');
    expect(await run('get pdb keep -o jsonpath={.spec.minAvailable}')).toBe('50%');
    expect(await run('get service web -o jsonpath={.spec.ports[0].targetPort}')).toBe('8080');
    expect(await run('autoscale deployment web --min=1 --max=3 --cpu=50%')).toBe('horizontalpodautoscaler.autoscaling/web autoscaled\n');
    expect(await run('get hpa web -o jsonpath={.spec.metrics[0].resource.target.averageUtilization}')).toBe('50');
    expect(await kubectl.run(`create priorityclass ${other} --value=1000 --description=more`)).toBe(`priorityclass.scheduling.k8s.io/${other} created\n`);
    await rolledOut();
    await kubectl.run(`delete namespace ${other} --wait=false`);
    // Pods without requests are refused by this quota, so that the budget would keep the drain below waiting for ever.
    await run('delete pdb/keep quota/most');
  });

  it('applies at the server: twice, and with conflicts', async () => {
    await run('apply --server-side --field-manager=one -f -', configMap());
    const { resourceVersion } = (await stored()).metadata;
    await run('apply --server-side --field-manager=one -f -', configMap());
    expect((await stored()).metadata.resourceVersion).toBe(resourceVersion);
    const conflict = await kubectl.try(['-n', namespace, 'apply', '--server-side', '--field-manager=two', '-f', '-'], configMap('{ a: "2" }'));
    expect(conflict.err).toContain('Apply failed with 1 conflict: conflict with "one": .data.a');
    await run('apply --server-side --field-manager=two --force-conflicts -f -', configMap('{ a: "2" }'));
    expect((await stored()).data).toEqual({ a: '2', b: '2' });
  });

  it('patches in three ways, labels and annotates', async () => {
    await run('apply -f -', deployment());
    await run('patch deployment web -p {"spec":{"template":{"spec":{"containers":[{"name":"side","image":"s:1"}]}}}}');
    await run('patch deployment web --type=merge -p {"spec":{"paused":true}}');
    await run('patch deployment web --type=json -p [{"op":"replace","path":"/spec/replicas","value":4}]');
    await run('label deployment web tier=front app-');
    await run('annotate deployment web note=x');
    const { metadata, spec } = await cluster.orchestrator.client.kind(Deployment).get({ namespace, name: 'web' });
    expect(spec.template.spec.containers.map(({ name }) => name).sort()).toEqual(['main', 'side']);
    expect(spec).toMatchObject({ paused: true, replicas: 4 });
    expect(metadata.labels).toEqual({ tier: 'front' });
    expect(metadata.annotations).toMatchObject({ note: 'x' });
    expect(await run('patch deployment web --type=merge -p {"spec":{"paused":true}}')).toContain('patched (no change)');
    expect((await kubectl.try(['-n', namespace, 'patch', 'deployment', 'web', '--type=json', '-p', '[{"op":"test","path":"/spec/replicas","value":1}]'])).code).toBe(1);
  });

  it('scales, and follows a rollout forward and back', async () => {
    await run('apply -f -', deployment());
    expect(await rolledOut()).toContain('successfully rolled out');
    await run('scale deployment web --replicas=3');
    expect((await kubectl.try(['-n', namespace, 'scale', 'deployment', 'web', '--current-replicas=7', '--replicas=1'])).code).toBe(1);
    await run('wait --for=jsonpath={.status.readyReplicas}=3 deployment/web --timeout=30s');
    await run('set image deployment/web main=web:2');
    await rolledOut();
    expect(await run('rollout history deployment/web')).toMatch(/\n1 +<none>\n2 +<none>\n/);
    await run('rollout undo deployment/web');
    await rolledOut();
    expect(await run('get deployment web -o jsonpath={.spec.template.spec.containers[0].image}')).toBe('web:1');
    await run('rollout pause deployment/web');
    await run('set env deployment/web A=b');
    expect(await run('rollout history deployment/web')).not.toMatch(/\n4 /);
    await run('rollout resume deployment/web');
    await rolledOut();
    expect(await run('rollout restart deployment/web')).toContain('restarted');
    await rolledOut();
    await run('wait --for=condition=Available deployment/web --timeout=30s');
  });

  it('describes', async () => {
    await run('apply -f -', deployment());
    await rolledOut();
    expect(await run('describe deployment web')).toMatch(/Replicas: +2 desired \| 2 updated \| 2 total \| 2 available \| 0 unavailable[^]*NewReplicaSet: +web-[^]*Events:/);
    expect(await run('describe pods -l app=web')).toMatch(/Status: +Running[^]*Controlled By: +ReplicaSet\/web-[^]*Conditions:/);
    expect(await kubectl.run('describe node n1')).toMatch(/Name: +n1[^]*Capacity:[^]*Non-terminated Pods:/);
  });

  it('runs, exposes, edits, pauses, restarts, sorts and waits', async () => {
    expect(await run('run one --image=web:1 --port=80 --labels=app=one')).toBe('pod/one created\n');
    expect(await run('wait --for=condition=Ready pod/one --timeout=20s')).toContain('condition met');
    expect(await run('wait --for=jsonpath={.status.phase}=Running pod/one --timeout=20s')).toContain('condition met');
    expect(await run('expose pod one --port=80 --target-port=8080')).toBe('service/one exposed\n');
    expect(await run('get service one -o jsonpath={.spec.selector.app}:{.spec.ports[0].targetPort}')).toBe('one:8080');
    await run('apply -f -', deployment());
    await rolledOut();
    const editor = join(cluster.folder, 'editor.sh');
    writeFileSync(editor, '#!/bin/sh\nsed -i "s/replicas: 2/replicas: 3/" "$1"\n', { mode: 0o755 });
    expect(await kubectl.with({ KUBE_EDITOR: editor }).run(`-n ${namespace} edit deployment web`)).toBe('deployment.apps/web edited\n');
    expect(await run('get deployment web -o jsonpath={.spec.replicas}')).toBe('3');
    expect(await run('rollout pause deployment/web')).toContain('paused');
    expect(await run('set image deployment/web main=web:2')).toContain('image updated');
    expect(await run('rollout resume deployment/web')).toContain('resumed');
    await rolledOut();
    expect(await run('rollout restart deployment/web')).toContain('restarted');
    await rolledOut();
    expect(await run('rollout history deployment/web')).toMatch(/REVISION[^]*3/);
    expect(await run('set env deployment/web MODE=fast')).toContain('env updated');
    expect(await run('set resources deployment/web --limits=cpu=1,memory=64Mi')).toContain('resource requirements updated');
    await rolledOut();
    const names = (await run('get pods --sort-by=.metadata.name -o name')).trim().split('\n');
    expect(names).toEqual([...names].sort());
    expect(await run('get pods -o custom-columns=N:.metadata.name,S:.status.phase --no-headers')).toMatch(/^web-\S+ +Running$/m);
    expect(await run('get pods -l app=web -o go-template={{range.items}}{{.status.phase}};{{end}}')).toMatch(/^(Running;)+$/);
    expect(await run('scale deployment web --replicas=1 --current-replicas=3')).toContain('scaled');
    expect((await kubectl.try(['-n', namespace, 'scale', 'deployment', 'web', '--replicas=5', '--current-replicas=3'])).err).toContain('Expected replicas to be 3, was 1');
    expect(await run('get all')).toMatch(/pod\/one [^]*service\/one [^]*deployment.apps\/web [^]*replicaset.apps\/web-/);
  });

  it('prunes what is not declared any more', async () => {
    const maps = (...names: string[]): string => names.map((name) => `{ apiVersion: v1, kind: ConfigMap, metadata: { name: ${name}, labels: { set: mine } } }`).join('\n---\n');
    await run('create -f -', '{ apiVersion: v1, kind: ConfigMap, metadata: { name: stranger, labels: { set: mine } } }');
    await run('apply -f - --prune -l set=mine --prune-allowlist=core/v1/ConfigMap', maps('a', 'b'));
    const pruned = await run('apply -f - --prune -l set=mine --prune-allowlist=core/v1/ConfigMap', maps('a'));
    expect(pruned).toMatch(/configmap\/a unchanged[^]*configmap\/b pruned/);
    // What was not applied is not pruned.
    expect((await run('get configmaps -l set=mine -o name')).trim().split('\n')).toEqual(['configmap/a', 'configmap/stranger']);
    await run('apply -f -', `apiVersion: v1\nkind: List\nitems: [${maps('c').trim()}, ${maps('d').trim()}]\n`);
    expect(await run('get configmaps c d -o name')).toBe('configmap/c\nconfigmap/d\n');
  });

  it('shows what is used, and passes requests on', async () => {
    await run('run busy --image=web:1');
    await run('wait --for=condition=Ready pod/busy --timeout=20s');
    await expect.poll(async () => (await kubectl.try(['-n', namespace, 'top', 'pod'])).out, { timeout: 10_000 }).toMatch(/busy +\d+m +\d+Mi/);
    expect(await run('top pod --containers')).toMatch(/busy +busy +\d+m/);
    expect(await run('top pod --sum')).toMatch(/busy +\d+m +\d+Mi[^]*_{8}/);
    expect(await kubectl.run('top node')).toMatch(/n1 +\d+m +\d+% +\d+Mi +\d+%/);
    const proxy = kubectl.start('proxy --port=0');
    try {
      const [line] = (await once(proxy.stdout as Readable, 'data')) as [Buffer];
      const port = Number(/:(\d+)/.exec(line.toString())?.[1]);
      const answer = (await (await fetch(`http://127.0.0.1:${port}/api/v1/namespaces/${namespace}/pods/busy`)).json()) as { kind: string };
      expect(answer.kind).toBe('Pod');
    } finally {
      proxy.kill();
    }
    expect(await kubectl.run('auth whoami -o jsonpath={.status.userInfo.username}')).toBe('anna');
    expect(await run('auth can-i create pods')).toBe('yes\n');
  });

  it('deletes in every cascade mode', async () => {
    const { client } = cluster.orchestrator;
    const sets = async (): Promise<number> => (await client.kind(ReplicaSet).list({ namespace })).items.length;
    for (const mode of ['foreground', 'background', 'orphan'] as const) {
      await run('apply -f -', deployment());
      await rolledOut();
      expect(await run(`delete deployment web --cascade=${mode} --timeout=30s`)).toContain('deployment.apps "web" deleted');
      if (mode === 'orphan') break;
      if (mode === 'foreground') expect(await sets()).toBe(0);
      await run('wait --for=delete pod -l app=web --timeout=30s');
    }
    expect(await sets()).toBe(1);
    await run('delete replicasets --all --timeout=30s');
    await run('wait --for=delete pod -l app=web --timeout=30s');
    expect((await client.kind(Pod).list({ namespace })).items).toEqual([]);
    expect(await kubectl.run(`delete namespace ${namespace} --timeout=30s`)).toContain('deleted');
  });

  it('cordons nodes, says what a drain would do, and drains', async () => {
    await run('apply -f -', deployment('web:1', 4));
    await rolledOut();
    const node = await run('get pods -o jsonpath={.items[0].spec.nodeName}');
    expect(await kubectl.run(`cordon ${node}`)).toBe(`node/${node} cordoned\n`);
    expect(await kubectl.run(`get node ${node}`)).toContain('Ready,SchedulingDisabled');
    expect(await kubectl.run(`drain ${node} --dry-run=client --ignore-daemonsets --force`)).toMatch(/evicting pod [^]*node\/n\d drained \(dry run\)/);
    expect(await run(`get pods --field-selector=spec.nodeName=${node}`)).toContain('Running');
    expect(await kubectl.run(`drain ${node} --ignore-daemonsets --force --timeout=30s`)).toMatch(/pod\/web-\S+ evicted[^]*node\/n\d drained/);
    expect(await run(`get pods --field-selector=spec.nodeName=${node}`)).toContain('No resources found');
    await rolledOut();
    expect(await kubectl.run(`uncordon ${node}`)).toBe(`node/${node} uncordoned\n`);
    expect(await kubectl.run(`taint node ${node} a=b:NoSchedule`)).toBe(`node/${node} tainted\n`);
    expect(await kubectl.run(`taint node ${node} a-`)).toBe(`node/${node} untainted\n`);
  });

  it('is known by its certificate, and nobody by one of a stranger or by a wrong token', async () => {
    const { key, cert } = cluster.authority.issue('ben', '/O=team/CN=ben');
    const ben = as('ben', { 'client-key-data': base64(key), 'client-certificate-data': base64(cert) });
    expect(await ben.run(`-n ${namespace} apply -f -`, configMap())).toBe('configmap/m created\n');
    const mallory = await as('mallory', { token: 'a-token-nobody-ever-gave-out' }).try(['get', 'pods']);
    expect(mallory).toMatchObject({ code: 1, err: expect.stringMatching(/Unauthorized|must be logged in/) });
    const nobody = await as('nobody', {}).try(['get', 'pods'], 'x\nx\n');
    expect(nobody.code).toBe(1);
  });
});
