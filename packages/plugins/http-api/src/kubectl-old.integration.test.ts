import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processRuntime } from '@orrery/runtime-process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCluster, TOKEN } from './test/cluster.js';
import { eventually, followed, type Followed, get } from './test/following.js';
import { Kubectl, kubeconfig, requireOldKubectl } from './test/kubectl.js';

// An old client, kubectl 1.20: discovery as it was, OpenAPI v2, and streams over SPDY/3.1 alone. Against processes of this machine.

const { missing, note, program } = requireOldKubectl();
const state = mkdtempSync(join(tmpdir(), 'orrery-old-'));

let cluster: TestCluster;
let kubectl: Kubectl;
const begun: ChildProcess[] = [];

/** Answers every request with its path, on the address of the pod. */
const SERVER = `require('http').createServer((q, r) => { r.setHeader('connection', 'close'); r.end('path ' + q.url); }).listen(8098, process.env.POD_IP, () => console.log('listening'))`;
const pod = (name: string, container: object): string => JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { terminationGracePeriodSeconds: 1, restartPolicy: 'Never', containers: [{ name: 'main', image: 'none', ...container }] } });
const web = (replicas: number): string => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, labels: { app: web } }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { terminationGracePeriodSeconds: 1, containers: [{ name: main, image: none, command: [sleep, "1000"] }] }
`;

function begin(...args: readonly string[]): Followed {
  const child = spawn(kubectl.program, args, { env: kubectl.environment, stdio: 'pipe' });
  begun.push(child);
  return followed(child);
}

describe.skipIf(missing)(`kubectl 1.20${note}`, () => {
  beforeAll(async () => {
    cluster = await TestCluster.start({ runtime: processRuntime({ stateDir: join(state, 'runtime'), workingDir: '/', onStop: 'destroy', lingerSeconds: 1, cgroups: 'off' }) });
    const authority = Buffer.from(cluster.authority.certificate).toString('base64');
    kubectl = new Kubectl(program, join(cluster.folder, 'anna'), kubeconfig(cluster.url, { 'certificate-authority-data': authority }, { token: TOKEN }));
    const server = { command: [process.execPath, '-e', SERVER], env: [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }] };
    await kubectl.run('apply -f -', [pod('main', { command: ['sh', '-c', 'echo one; echo two; exec sleep 1000'] }), pod('cat', { command: ['cat'], stdin: true }), pod('server', server)].join('\n'));
    await kubectl.run('wait --for=condition=Ready pod/main pod/cat pod/server --timeout=20s');
  });
  afterAll(async () => {
    for (const child of begun) child.kill('SIGKILL');
    await cluster?.stop();
    rmSync(state, { recursive: true, force: true });
  });

  it('finds out what is served', async () => {
    expect(await kubectl.run('version')).toMatch(/Client Version: version\.Info\{Major:"1", Minor:"20"[^]*Server Version: version\.Info\{Major:"1", Minor:"36"/);
    const resources = await kubectl.run('api-resources');
    for (const line of [/^pods +po +v1 +true +Pod$/m, /^deployments +deploy +apps\/v1 +true +Deployment$/m, /^nodes +no +v1 +false +Node$/m]) expect(resources).toMatch(line);
    expect(await kubectl.run('explain deployment.spec.strategy')).toMatch(/KIND: +Deployment[^]*rollingUpdate\t<Object>[^]*type\t<string>/);
  });

  it('makes, shows, changes and deletes', async () => {
    expect(await kubectl.run('apply -f -', web(2))).toBe('deployment.apps/web created\n');
    expect(await kubectl.run('apply -f -', web(2))).toBe('deployment.apps/web unchanged\n');
    expect(await kubectl.run('rollout status deployment/web --timeout=20s')).toContain('successfully rolled out');
    expect(await kubectl.run('get deployment web')).toMatch(/^NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +2\/2 +2 +2 +\d+s\n$/);
    expect(await kubectl.run('get pods -l app=web -o name --chunk-size=1')).toMatch(/^pod\/web-\S+\npod\/web-\S+\n$/);
    expect(await kubectl.run('describe deployment web')).toMatch(/Replicas: +2 desired \| 2 updated \| 2 total \| 2 available/);
    expect(await kubectl.run('scale deployment web --replicas=1')).toBe('deployment.apps/web scaled\n');
    expect(await kubectl.run('patch deployment web -p {"metadata":{"labels":{"tier":"front"}}}')).toBe('deployment.apps/web patched\n');
    expect(await kubectl.run('apply --server-side --force-conflicts -f -', web(1))).toBe('deployment.apps/web serverside-applied\n');
    expect(await kubectl.run('create configmap settings --from-literal=a=1')).toBe('configmap/settings created\n');
    expect((await kubectl.try(['apply', '-f', '-'], web(1).replace('replicas:', 'replicaz:'))).err).toContain('unknown field "replicaz"');
    expect(await kubectl.run('delete deployment/web configmap/settings --timeout=20s')).toBe('deployment.apps "web" deleted\nconfigmap "settings" deleted\n');
  });

  it('logs', async () => {
    expect(await kubectl.run('logs main --tail=1')).toBe('two\n');
    expect((await kubectl.try(['logs', 'main', '-c', 'nope'])).err).toContain('container nope is not valid for pod main');
  });

  describe('over SPDY', () => {
    it('exec: output, input and exit codes', async () => {
      expect(await kubectl.try(['exec', 'main', '--', 'sh', '-c', 'echo out; echo err >&2; exit 3'])).toEqual({ code: 3, out: 'out\n', err: 'err\ncommand terminated with exit code 3\n' });
      expect(await kubectl.try(['exec', 'main', '--', 'true'])).toEqual({ code: 0, out: '', err: '' });
      expect((await kubectl.try(['exec', 'main', '-c', 'nope', '--', 'true'])).err).toContain('container nope is not valid for pod main');
      expect((await kubectl.try(['exec', 'main', '--', 'nobody-has-this'])).err).toContain('nobody-has-this');
    });

    it('exec: a megabyte there and back, or none of it read', async () => {
      const input = randomBytes(786_432).toString('base64');
      const { code, out } = await kubectl.try(['exec', '-i', 'main', '--', 'cat'], input);
      expect({ code, isSame: out === input }).toEqual({ code: 0, isSame: true });
      expect(await kubectl.try(['exec', '-i', 'main', '--', 'head', '-c', '3'], input)).toMatchObject({ code: 0, out: input.slice(0, 3) });
    });

    it('attach', async () => {
      const { child, until } = begin('attach', '-i', 'cat');
      child.stdin?.write('hello\n');
      await until(/hello\n/);
      child.kill('SIGKILL');
      expect(await kubectl.run('get pod cat -o jsonpath={.status.phase}')).toBe('Running');
    });

    it('cp, both ways', async () => {
      const [here, there] = [join(cluster.folder, 'here'), join(cluster.folder, 'there')];
      for (const folder of [here, there]) mkdirSync(folder);
      const bytes = randomBytes(1_000_000);
      writeFileSync(join(here, 'bytes'), bytes);
      await kubectl.run(`cp ${here} main:${there}`);
      await kubectl.run(`cp main:${there}/here/bytes ${join(here, 'back')}`);
      const digest = (data: Buffer): string => createHash('sha256').update(data).digest('hex');
      expect(digest(readFileSync(join(here, 'back')))).toBe(digest(bytes));
    });

    it('port-forward: one connection after the other, twenty at once, and none to a port that nobody listens on', async () => {
      const forwarding = begin('port-forward', 'pod/server', ':8098', ':8097');
      const port = Number((await forwarding.until(/Forwarding from 127\.0\.0\.1:(\d+) -> 8098/))[1]);
      const none = Number((await forwarding.until(/Forwarding from 127\.0\.0\.1:(\d+) -> 8097/))[1]);
      for (let index = 0; index < 20; index += 1) expect(await get(port, `/${index}`)).toBe(`path /${index}`);
      const paths = Array.from({ length: 20 }, (_, index) => `/parallel-${index}`);
      expect(await Promise.all(paths.map((path) => get(port, path)))).toEqual(paths.map((path) => `path ${path}`));
      expect(forwarding.said()).not.toContain('rror');
      await expect(get(none, '/')).rejects.toThrow();
      await forwarding.until(/error forwarding port 8097 to pod/);
      forwarding.child.kill();
    });

    it('a client that is killed leaves no command behind', async () => {
      const { child, until } = begin('exec', '-i', 'main', '--', 'sh', '-c', `trap 'echo gone > ${join(cluster.folder, 'gone')}' HUP TERM; echo $$; read line`);
      const [, id] = await until(/(\d+)\n/);
      child.kill('SIGKILL');
      await eventually('it has ended', () => {
        try {
          process.kill(Number(id), 0);
          return false;
        } catch {
          return true;
        }
      });
    });
  });
});
