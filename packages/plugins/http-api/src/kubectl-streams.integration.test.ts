import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { Attach, Cp, Exec, KubeConfig, Log, PortForward, type V1Status } from '@kubernetes/client-node';
import { processRuntime } from '@orrery/runtime-process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCluster, TOKEN } from './test/cluster.js';
import { eventually, followed, type Followed, get, sink } from './test/following.js';
import { Kubectl, kubeconfig, requireKubectl } from './test/kubectl.js';

// The real kubectl 1.35 and the client library for JavaScript, over HTTPS, against processes of this machine.

const state = mkdtempSync(join(tmpdir(), 'orrery-streams-'));
const { missing, note, program } = requireKubectl();

let cluster: TestCluster;
let kubectl: Kubectl;
const library = new KubeConfig();
const begun: ChildProcess[] = [];

const NODE = process.execPath;
/** Answers every request with its path, on the address of the pod; closes each connection, so that each request is one of its own. */
const SERVER = `require('http').createServer((q, r) => { r.setHeader('connection', 'close'); r.end('path ' + q.url); }).listen(8099, process.env.POD_IP, () => console.log('listening'))`;
const pod = (name: string, containers: readonly object[], more: object = {}): object => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { terminationGracePeriodSeconds: 1, restartPolicy: 'Never', containers, ...more } });
const container = (name: string, ...command: readonly string[]): object => ({ name, image: 'none', command });
const sh = (name: string, script: string): object => container(name, 'sh', '-c', script);

beforeAll(async () => {
  if (missing) return;
  cluster = await TestCluster.start({ runtime: processRuntime({ stateDir: join(state, 'runtime'), workingDir: '/', onStop: 'destroy', lingerSeconds: 1, cgroups: 'off' }) });
  const authority = Buffer.from(cluster.authority.certificate).toString('base64');
  const config = kubeconfig(cluster.url, { 'certificate-authority-data': authority }, { token: TOKEN });
  kubectl = new Kubectl(program, join(cluster.folder, 'anna'), config);
  library.loadFromString(JSON.stringify(config));
  const objects = [
    pod('main', [sh('main', 'echo one; echo two; echo three; exec sleep 1000')]),
    pod('cat', [{ ...container('main', 'cat'), stdin: true }]),
    pod('ended', [sh('main', 'echo last words; echo aside >&2; exit 4')]),
    pod('two', [sh('a', 'echo from a; sleep 1000'), sh('b', 'echo from b; sleep 1000')], { initContainers: [sh('before', 'echo from init')] }),
    pod('crashing', [sh('main', 'echo try; exit 1')], { restartPolicy: 'Always' }),
    pod('server', [{ ...container('main', NODE, '-e', SERVER), env: [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }] }]),
  ];
  await kubectl.run('apply -f -', objects.map((object) => JSON.stringify(object)).join('\n---\n'));
  await kubectl.run('wait --for=condition=Ready pod/main pod/cat pod/two pod/server --timeout=20s');
});
afterAll(async () => {
  for (const child of begun) child.kill('SIGKILL');
  await cluster?.stop();
  rmSync(state, { recursive: true, force: true });
});

/** Begins a command that goes on, with what it has said so far. */
function begin(command: string): Followed {
  const child = kubectl.start(command);
  begun.push(child);
  return followed(child);
}

/** The processes of this machine with a word in their command line. */
const processesWith = (word: string): readonly string[] =>
  readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(word);
    } catch {
      return false;
    }
  });

describe.skipIf(missing)(`kubectl${note}`, () => {
  describe('logs', () => {
    it('shows output, its end, and none of what is older', async () => {
      expect(await kubectl.run('logs main')).toBe('one\ntwo\nthree\n');
      expect(await kubectl.run('logs main --tail=1')).toBe('three\n');
      expect(await kubectl.run('logs main --since=1h')).toBe('one\ntwo\nthree\n');
      expect(await kubectl.run(`logs main --since-time=${new Date(Date.now() + 3_600_000).toISOString()}`)).toBe('');
      expect(await kubectl.run('logs main --limit-bytes=5')).toBe('one\nt');
      expect(await kubectl.run('logs main --timestamps --tail=2')).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z two\n\S+Z three\n$/);
    });

    it('shows containers by name, ended ones and init containers too', async () => {
      expect(await kubectl.run('logs two -c b')).toBe('from b\n');
      expect(await kubectl.run('logs two -c before')).toBe('from init\n');
      expect((await kubectl.run('logs two --all-containers')).split('\n').sort()).toEqual(['', 'from a', 'from b', 'from init']);
      expect((await kubectl.try(['get', '--raw', '/api/v1/namespaces/default/pods/two/log'])).err).toBe('Error from server (BadRequest): a container name must be specified for pod two, choose one of: [a b] or one of the init containers: [before]\n');
      expect((await kubectl.try(['logs', 'two', '-c', 'nope'])).err).toContain('container nope is not valid for pod two');
      await kubectl.run('wait --for=jsonpath={.status.phase}=Failed pod/ended --timeout=10s');
      expect((await kubectl.run('logs ended')).split('\n').sort()).toEqual(['', 'aside', 'last words']);
      expect(await kubectl.run('get --raw /api/v1/namespaces/default/pods/ended/log?stream=Stderr')).toBe('aside\n');
      expect(await kubectl.try(['logs', 'ended', '-p'])).toMatchObject({ code: 1, err: 'Error from server (BadRequest): previous terminated container "main" in pod "ended" not found\n' });
      expect((await kubectl.try(['logs', 'none'])).err).toBe('error: error from server (NotFound): pods "none" not found in namespace "default"\n');
    });

    it('shows what a container said before it was started again', async () => {
      await eventually('it crashes', async () => (await kubectl.run('get pod crashing -o jsonpath={.status.containerStatuses[0].restartCount}')) !== '0');
      expect(await kubectl.run('logs crashing --previous')).toBe('try\n');
    });

    it('follows until the container ends', async () => {
      await kubectl.run('apply -f -', JSON.stringify(pod('speaking', [{ ...sh('main', 'echo begin; read line; echo heard $line'), stdin: true, stdinOnce: true }])));
      await kubectl.run('wait --for=condition=Ready pod/speaking --timeout=10s');
      const following = begin('logs -f speaking');
      await following.until(/begin\n/);
      await kubectl.try(['attach', '-i', 'speaking'], 'me\n');
      expect(await following.ended).toBe(0);
      expect(following.said()).toBe('begin\nheard me\n');
    });
  });

  describe('exec', () => {
    it('tells output and exit codes', async () => {
      expect(await kubectl.try(['exec', 'main', '--', 'sh', '-c', 'echo out; echo err >&2; exit 3'])).toEqual({ code: 3, out: 'out\n', err: 'err\ncommand terminated with exit code 3\n' });
      expect(await kubectl.try(['exec', 'main', '--', 'true'])).toEqual({ code: 0, out: '', err: '' });
      expect((await kubectl.try(['exec', 'main', '--', 'kill-nobody-has-this'])).err).toContain('kill-nobody-has-this');
    });

    it('brings a megabyte to the command and back', async () => {
      const input = randomBytes(786_432).toString('base64');
      const { code, out } = await kubectl.try(['exec', '-i', 'main', '--', 'cat'], input);
      expect({ code, length: out.length, isSame: out === input }).toEqual({ code: 0, length: input.length, isSame: true });
      // A command that does not read it all ends all the same.
      expect(await kubectl.try(['exec', '-i', 'main', '--', 'head', '-c', '3'], input)).toMatchObject({ code: 0, out: input.slice(0, 3) });
    });

    it('says why there is nothing to run in', async () => {
      expect((await kubectl.try(['exec', 'none', '--', 'true'])).err).toBe('Error from server (NotFound): pods "none" not found\n');
      expect((await kubectl.try(['exec', 'main', '-c', 'nope', '--', 'true'])).err).toContain('container nope is not valid for pod main');
      expect((await kubectl.try(['exec', 'crashing', '--', 'true'])).err).toContain('container not found ("main")');
      expect((await kubectl.try(['exec', '-i', '--tty', 'main', '--', 'true'])).err).toContain('terminal');
    });

    it('ends the command when the client is killed', async () => {
      const word = `nobody-else-${process.pid}`;
      const running = begin(`exec main -- sh -c echo\tready;sleep\t1000;:\t${word}`.replaceAll('\t', '${IFS}'));
      await eventually('it runs', () => processesWith(word).length >= 2);
      running.child.kill('SIGKILL');
      await eventually('nothing of it runs', () => processesWith(word).length === 0);
    });
  });

  it('attaches: what is typed is heard, and leaving does not end the container', async () => {
    const attached = spawn(kubectl.program, ['attach', '-i', 'cat'], { env: kubectl.environment, stdio: 'pipe' });
    begun.push(attached);
    const { until } = followed(attached);
    attached.stdin.write('hello\n');
    await until(/hello\n/);
    attached.kill('SIGKILL');
    const again = spawn(kubectl.program, ['attach', '-i', 'cat'], { env: kubectl.environment, stdio: 'pipe' });
    begun.push(again);
    const second = followed(again);
    again.stdin.write('again\n');
    await second.until(/again\n/);
    // From now on only: what was said before is in the log.
    expect(second.said()).not.toContain('hello');
    expect(await kubectl.run('get pod cat -o jsonpath={.status.phase}')).toBe('Running');
    again.kill();
  });

  it('debugs: joins a container that is added to a running pod', async () => {
    const debugging = spawn(kubectl.program, [...'debug main -i --image=none -c tools --profile=baseline -- sh -c'.split(' '), 'read line; echo heard $line; read line'], { env: kubectl.environment, stdio: 'pipe' });
    begun.push(debugging);
    const { until, ended } = followed(debugging);
    debugging.stdin.write('me\n');
    await until(/heard me\n/);
    debugging.stdin.write('\n');
    expect(await ended).toBe(0);
    expect(await kubectl.run('get pod main -o jsonpath={.status.ephemeralContainerStatuses[0].name}')).toBe('tools');
  });

  it('copies folders and files both ways', async () => {
    const [here, there] = [join(cluster.folder, 'here'), join(cluster.folder, 'there')];
    mkdirSync(join(here, 'deep'), { recursive: true });
    mkdirSync(there);
    const bytes = randomBytes(3_000_000);
    writeFileSync(join(here, 'deep', 'bytes'), bytes);
    writeFileSync(join(here, 'text'), 'some text\n');
    await kubectl.run(`cp ${here} main:${there}/copy`);
    expect(readFileSync(join(there, 'copy', 'text'), 'utf8')).toBe('some text\n');
    await kubectl.run(`cp main:${there}/copy/deep/bytes ${here}/back`);
    const digest = (data: Buffer): string => createHash('sha256').update(data).digest('hex');
    expect(digest(readFileSync(join(here, 'back')))).toBe(digest(bytes));
  });

  describe('port-forward', () => {
    it('forwards a hundred connections one after the other, and twenty at once', async () => {
      const forwarding = begin('port-forward pod/server :8099');
      const port = Number((await forwarding.until(/Forwarding from 127\.0\.0\.1:(\d+) -> 8099/))[1]);
      for (let index = 0; index < 100; index += 1) expect(await get(port, `/${index}`)).toBe(`path /${index}`);
      const paths = Array.from({ length: 20 }, (_, index) => `/parallel-${index}`);
      expect(await Promise.all(paths.map((path) => get(port, path)))).toEqual(paths.map((path) => `path ${path}`));
      expect(forwarding.said()).not.toContain('rror');
      forwarding.child.kill();
    });

    it('tells when nobody listens on the port', async () => {
      const forwarding = begin('port-forward pod/server :8100');
      const port = Number((await forwarding.until(/Forwarding from 127\.0\.0\.1:(\d+)/))[1]);
      await expect(get(port, '/')).rejects.toThrow();
      await forwarding.until(/error forwarding port 8100 to pod/);
      forwarding.child.kill();
    });
  });
});

describe.skipIf(missing)(`the client library${note}`, () => {
  it('reads logs', async () => {
    const out = sink();
    const abort = await new Log(library).log('default', 'main', 'main', out.stream, { follow: true, tailLines: 2 });
    await out.until('two\nthree\n');
    abort.abort();
    expect(out.text()).toBe('two\nthree\n');
  });

  it('runs commands, with input and exit codes', async () => {
    const [out, err, input] = [sink(), sink(), new PassThrough()];
    const ended = new Promise<V1Status>((resolve, reject) => {
      new Exec(library).exec('default', 'main', 'main', ['sh', '-c', 'read l; echo got:$l; echo e >&2; cat; exit 7'], out.stream, err.stream, input, false, resolve).catch(reject);
    });
    input.write('hey\n');
    await out.until('got:hey\n');
    input.end('rest');
    expect((await ended).details?.causes).toEqual([{ reason: 'ExitCode', message: '7' }]);
    await err.until('e\n');
    expect(out.text()).toBe('got:hey\nrest');
    const refused = new Exec(library).exec('default', 'none', 'main', ['true'], out.stream, err.stream, null, false);
    await expect(refused).rejects.toBeDefined();
  });

  it('attaches', async () => {
    const [out, input] = [sink(), new PassThrough()];
    const socket = await new Attach(library).attach('default', 'cat', 'main', out.stream, null, input, false);
    input.write('from the library\n');
    await out.until('from the library\n');
    socket.close();
  });

  // The other way it asks for compressed bytes and does not expect them to be.
  it('copies files to a container', async () => {
    const [from, to] = [join(cluster.folder, 'from-library'), join(cluster.folder, 'to-library')];
    for (const folder of [from, to]) mkdirSync(folder);
    writeFileSync(join(from, 'file'), 'copied\n');
    await new Cp(library).cpToPod('default', 'main', 'main', from, to);
    await eventually('it is there', () => readdirSync(to).includes('file') && readFileSync(join(to, 'file'), 'utf8') === 'copied\n');
  });

  it('forwards ports', async () => {
    const forward = new PortForward(library);
    const local = createServer((socket) => {
      socket.on('error', () => {});
      forward.portForward('default', 'server', [8099], socket, null, socket).catch((error: unknown) => socket.destroy(error as Error));
    });
    await new Promise<void>((resolve) => local.listen(0, '127.0.0.1', resolve));
    const { port } = local.address() as { port: number };
    for (const path of ['/a', '/b']) expect(await get(port, path)).toBe(`path ${path}`);
    local.close();
  });
});
