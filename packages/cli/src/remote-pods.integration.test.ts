import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { freePorts, Kubectl, requireKubectl } from '@orrery/engines';
import { type Run, Runs } from './test/runs.js';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

// A control plane and an agent, each a process of its own, with certificates that are good for nine seconds; and the real kubectl.

const folder = mkdtempSync(join(tmpdir(), 'orrery-remote-pods-'));
const config = join(folder, 'plane', 'kubeconfig');
const { missing, note, program: kubectlProgram } = requireKubectl();

const runs = new Runs(folder);
const kubectl = (...args: string[]): Run => runs.begin(kubectlProgram, ['--kubeconfig', config, ...args], 'pipe');
let k: Kubectl;
let agent: Run;
beforeAll(async () => {
  if (missing) return;
  Runs.check();
  await runs.orrery(['up', '--nodes', '0', '--store', 'memory', '--data', join(folder, 'plane'), '--listen', '127.0.0.1:0', '--cert-days', '0.0001', '--log', 'info']).said(/kubectl get nodes/);
  agent = runs.orrery(['agent', ...(await runs.joining(config)), '--port', '0', '--name', 'far', '--data', join(folder, 'far'), '--renew', '0.5', '--proxy', 'none', '--on-exit', 'remove', '--log', 'info']);
  await agent.said(/is the node far/);
  k = new Kubectl(kubectlProgram, join(folder, 'home'), config);
  writeFileSync(join(folder, 'server.mjs'), `import { createServer } from 'node:http';\ncreateServer((request, response) => response.end('hello from ' + request.url)).listen(8080, process.env.POD_IP, () => console.log('ready'));\nprocess.stdin.on('data', (chunk) => console.log('heard ' + chunk)).resume();\nsetInterval(() => console.log('tick'), 200);`);
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web' },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'main', image: 'none', command: [process.execPath, join(folder, 'server.mjs')], stdin: true, ports: [{ containerPort: 8080 }], env: [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }] }],
    },
  };
  await k.run('apply -f -', JSON.stringify(pod));
  await k.run('wait pod/web --for=condition=Ready --timeout=20s');
  // By then it has its certificate.
  await vi.waitFor(async () => expect((await k.try(['logs', 'web'])).out).toContain('ready'), { timeout: 20_000 });
});
afterAll(async () => {
  await runs.stop();
  rmSync(folder, { recursive: true, force: true });
});

const fetched = (port: number, path = '/x'): Promise<string> =>
  new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += String(chunk))).on('end', () => resolve(text));
    }).on('error', reject);
  });
/** When the certificate that a server shows ends. */
const endOf = (port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false });
    socket.once('secureConnect', () => {
      resolve(Date.parse(socket.getPeerCertificate().valid_to));
      socket.destroy();
    });
    // A node lets nobody in without a certificate, but shows its own before.
    socket.on('error', reject);
  });

describe.skipIf(missing)(`pods of a node in another process${note}`, () => {
  it('have logs, followed as they are written', async () => {
    const following = kubectl('logs', '-f', 'web', '--tail=1');
    await following.said(/tick\n(.*\n)*tick/);
    await following.stop('SIGINT');
    expect(await k.run('logs web --tail=2 --timestamps')).toMatch(/^\d{4}-\S+Z tick\n\d{4}-\S+Z tick\n$/);
    expect((await k.try(['logs', 'web', '-c', 'other'])).err).toContain('container other is not valid for pod web');
  });

  it('run commands, with input and their exit code', async () => {
    expect(await k.try(['exec', 'web', '--', 'sh', '-c', 'echo out; echo err >&2; exit 5'])).toMatchObject({ code: 5, out: 'out\n', err: expect.stringMatching(/^err\n/) });
    const cat = kubectl('exec', '-i', 'web', '--', 'cat');
    cat.child.stdin?.end('through and back');
    await cat.said(/through and back/);
    await cat.ended;
    expect(cat.child.exitCode).toBe(0);
  });

  it('are attached to, and copied to and from', async () => {
    const attached = kubectl('attach', '-i', 'web');
    await attached.said(/tick/);
    attached.child.stdin?.write('a word');
    await attached.said(/heard a word/);
    await attached.stop('SIGINT');
    const [from, back] = [join(folder, 'from'), join(folder, 'back')];
    const content = Buffer.alloc(3_000_000, 'orrery');
    writeFileSync(from, content);
    await k.run(`cp ${from} web:${join(folder, 'there')}`);
    await k.run(`cp web:${join(folder, 'there')} ${back}`);
    expect(readFileSync(back).equals(content)).toBe(true);
  });

  it('have ports that are forwarded, and a refusal is told', async () => {
    const [port = 0, other = 0] = await freePorts(2);
    const forwarding = kubectl('port-forward', 'pod/web', `${port}:8080`, `${other}:1`);
    await forwarding.said(new RegExp(`127.0.0.1:${other} ->`));
    expect(await Promise.all(Array.from({ length: 5 }, () => fetched(port)))).toEqual(Array.from({ length: 5 }, () => 'hello from /x'));
    await fetched(other).catch(() => '');
    await forwarding.said(/error forwarding port 1 to pod/);
    await forwarding.stop('SIGINT');
  });

  it('answer through the proxy of the API, as their services do and their node', async () => {
    await k.run('label pod web app=web');
    await k.run('expose pod web --port=80 --target-port=8080 --name=front');
    expect(await k.run('get --raw /api/v1/namespaces/default/pods/web/proxy/x?y=z')).toBe('hello from /x?y=z');
    await expect.poll(async () => (await k.try(['get', '--raw', '/api/v1/namespaces/default/services/front:80/proxy/x'])).out, { timeout: 10_000 }).toBe('hello from /x');
    expect(await k.run('get --raw /api/v1/nodes/far/proxy/healthz')).toBe('ok');
    expect(JSON.parse(await k.run('get --raw /api/v1/nodes/far/proxy/stats/summary')).node.nodeName).toBe('far');
    const proxy = kubectl('proxy', '--port=0');
    const [, port = ''] = await proxy.said(/Starting to serve on 127\.0\.0\.1:(\d+)/);
    expect(await fetched(Number(port), '/api/v1/namespaces/default/services/front/proxy/deep/path')).toBe('hello from /deep/path');
    await proxy.stop('SIGINT');
  });

  it('are served on by certificates that are renewed while everything runs, and nobody else is let in', async () => {
    const nodePort = Number(await k.run('get node far -o jsonpath={.status.daemonEndpoints.kubeletEndpoint.Port}'));
    const apiPort = Number(new URL(JSON.parse(readFileSync(config, 'utf8')).clusters[0].cluster.server).port);
    const own = join(folder, 'far', 'kubeconfig');
    const [api, node, file] = [await endOf(apiPort), await endOf(nodePort), readFileSync(own, 'utf8')];
    const following = kubectl('logs', '-f', 'web', '--tail=1');
    await vi.waitFor(async () => expect(await endOf(apiPort)).toBeGreaterThan(api), { timeout: 30_000, interval: 200 });
    await vi.waitFor(async () => expect(await endOf(nodePort)).toBeGreaterThan(node), { timeout: 30_000, interval: 200 });
    await vi.waitFor(() => expect(readFileSync(own, 'utf8')).not.toBe(file), { timeout: 30_000, interval: 200 });
    // The first ones have ended by now, or are about to.
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(Math.max(api, node)), { timeout: 30_000, interval: 200 });
    following.out = '';
    await following.said(/tick/);
    await following.stop('SIGINT');
    expect(await k.run('logs web --tail=1')).toBe('tick\n');
    expect(await k.run('get node far')).toMatch(/ Ready /);
    await k.run('annotate pod web seen=1');
    expect(agent.out).not.toMatch(/Unauthorized|certificate has expired/);
  });

  it('are told as unreachable when their node is', async () => {
    agent.child.kill('SIGKILL');
    await agent.ended;
    expect((await k.try(['logs', 'web'])).err).toMatch(/^Error from server: Get "https:\/\/127\.0\.0\.1:\d+\/containerLogs\/default\/web\/main\?\S*": dial tcp 127\.0\.0\.1:\d+: connect: connection refused/);
    expect((await k.try(['exec', 'web', '--', 'true'])).err).toContain('error dialing backend: dial tcp 127.0.0.1:');
  });
});
