import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { busyboxImage, type DockerEngine, requireParts, startDockerd } from '@orrery/engines';
import { dockerRuntime } from '@orrery/runtime-docker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCluster, TOKEN } from './test/cluster.js';
import { Kubectl, kubeconfig, requireKubectl } from './test/kubectl.js';

// The real kubectl 1.35 in a terminal, against containers that have one.

const parts = requireParts('dockerd', 'busybox', 'tar', 'script');
const { missing, note, program } = requireKubectl();

let engine: DockerEngine;
let cluster: TestCluster;
let kubectl: Kubectl;
const begun: ChildProcess[] = [];

describe.skipIf(parts.missing || missing)(`kubectl in a terminal${parts.note}${note}`, () => {
  beforeAll(async () => {
    engine = await startDockerd({});
    await busyboxImage(engine.socketPath, 'box');
    cluster = await TestCluster.start({ runtime: dockerRuntime({ id: `terminal-${process.pid}`, socketPath: engine.socketPath, network: 'none' }) });
    const authority = Buffer.from(cluster.authority.certificate).toString('base64');
    kubectl = new Kubectl(program, join(cluster.folder, 'anna'), kubeconfig(cluster.url, { 'certificate-authority-data': authority }, { token: TOKEN }));
    const main = { name: 'main', image: 'box', imagePullPolicy: 'Never', command: ['sleep', '1000'] };
    const shell = { name: 'main', image: 'box', imagePullPolicy: 'Never', command: ['sh'], stdin: true, tty: true };
    for (const [name, container] of Object.entries({ plain: main, shell })) {
      await kubectl.run('apply -f -', JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { terminationGracePeriodSeconds: 0, containers: [container] } }));
    }
    await kubectl.run('wait --for=condition=Ready pod/plain pod/shell --timeout=30s');
  }, 60_000);
  afterAll(async () => {
    for (const child of begun) child.kill('SIGKILL');
    await cluster?.stop();
    await engine?.stop();
  }, 60_000);

  /** A command of kubectl in a terminal of 33 rows and 101 columns. */
  function inTerminal(command: string): { readonly child: ChildProcess; said(): string; until(text: RegExp): Promise<void>; readonly ended: Promise<number | null> } {
    const child = spawn('/usr/bin/script', ['-qec', `stty rows 33 cols 101; exec ${kubectl.program} ${command}`, '/dev/null'], { env: { ...kubectl.environment, TERM: 'xterm', SHELL: '/bin/sh' }, stdio: 'pipe' });
    begun.push(child);
    let said = '';
    const looks = new Set<() => void>();
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      for (const look of looks) look();
    });
    const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
    const until = (text: RegExp): Promise<void> =>
      new Promise((resolve, reject) => {
        const look = (): void => void (text.test(said) && resolve());
        looks.add(look);
        setTimeout(() => reject(new Error(`it did not say ${text}: ${JSON.stringify(said)}`)), 15_000).unref();
        void ended.then((code) => reject(new Error(`it ended with ${code}: ${said}`)));
        look();
      });
    return { child, said: () => said, until, ended };
  }

  /** The terminal of the kubectl that was begun with a word in its command. */
  function terminalOf(word: string): string {
    for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
      try {
        if (readFileSync(`/proc/${name}/cmdline`, 'utf8').startsWith(`${kubectl.program}\0`) && readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(word)) return readlinkSync(`/proc/${name}/fd/0`);
      } catch {
        continue;
      }
    }
    throw new Error(`there is no kubectl with ${word}`);
  }

  it('exec -it: a shell that is typed to, in a terminal of the same size, which grows with it', async () => {
    const { child, until, said, ended } = inTerminal('exec -it plain -- sh');
    await until(/# /);
    child.stdin?.write('stty size; tty\n');
    await until(/33 101\r\n\/dev\/pts\/\d+\r\n/);
    execFileSync('stty', ['-F', terminalOf('exec'), 'rows', '20', 'cols', '70']);
    child.stdin?.write('while [ "$(stty size)" != "20 70" ]; do usleep 10000; done; echo it is $((6*7)) now; exit 5\n');
    await until(/it is 42 now\r\n/);
    expect(await ended).toBe(5);
    expect(said()).toContain('command terminated with exit code 5');
  });

  it('exec -it: ctrl-c reaches the command', async () => {
    const { child, until, ended } = inTerminal(`exec -it plain -- sh -c 'trap "exit 7" INT; echo ready; while :; do usleep 10000; done'`);
    await until(/ready/);
    child.stdin?.write('\u0003');
    expect(await ended).toBe(7);
  });

  it('attach -it: the terminal of the container', async () => {
    const { child, until } = inTerminal('attach -it shell');
    await until(/try pressing enter/);
    child.stdin?.write('while [ "$(stty size)" != "33 101" ]; do usleep 10000; done; echo in $((40+2))\n');
    await until(/in 42\r\n/);
    child.kill('SIGKILL');
    expect(await kubectl.run('get pod shell -o jsonpath={.status.phase}')).toBe('Running');
  });

  it('logs, exec and exit codes of containers', async () => {
    expect(await kubectl.try(['exec', '-i', 'plain', '--', 'sh', '-c', 'cat; exit 9'], 'in\n')).toMatchObject({ code: 9, out: 'in\n' });
    expect((await kubectl.try(['exec', 'plain', '--', '/no/such'])).code).not.toBe(0);
  });
});
