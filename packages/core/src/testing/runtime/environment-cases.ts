import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check } from '../suite.js';
import { claims, containerConfig, exited, never, type RuntimeCase, sandboxConfig, shell, startPod, text } from './context.js';

/** Gives the body a fresh folder of this machine. */
async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'orrery-suite-'));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const real = claims('realProcesses', 'exec');

/** What a program finds around itself: its environment, folders, files, terminal, neighbours. */
export const environmentCases: readonly RuntimeCase[] = [
  {
    name: 'a program gets its environment, the later of two equal names, and its working directory',
    needs: real,
    async run(context) {
      const env = [{ name: 'ONE', value: 'first' }, { name: 'TWO', value: 'a b=c "d" $e' }, { name: 'ONE', value: 'last' }];
      const { id } = await startPod(context, 'one', { kind: 'shell', script: 'sleep 1000' }, { env, workingDir: '/' });
      const { out } = await shell(context, id, 'echo "$ONE/$TWO"; pwd');
      check.equal(out, 'last/a b=c "d" $e\n/', 'Values arrive as they are.');
    },
  },
  {
    name: 'arguments arrive as they are, whatever is in them',
    needs: real,
    async run(context) {
      const words = ['a b', '', '$HOME', '"quoted"', "it's", '; exit 3', 'ünï'];
      const config = containerConfig(context, { kind: 'shell', script: 'for word in "$@"; do echo "[$word]"; done; sleep 1000' });
      const command = [...config.command, 'name', ...words];
      const { id } = await startPod(context, 'one', { kind: 'sleep' }, { ...config, command });
      const lines = await check.eventually('all words are written', async () => {
        const found: string[] = [];
        for await (const { line } of context.runtime.logs(id, {}, never)) found.push(line);
        return found.length === words.length && found;
      });
      check.equal(lines, words.map((word) => `[${word}]`), 'No shell has looked at them.');
    },
  },
  {
    name: 'mounts show the host\'s files, in both directions, unless they are read-only',
    needs: claims('realProcesses', 'exec', 'mounts'),
    run: (context) =>
      withFolder(async (folder) => {
        await writeFile(join(folder, 'given'), 'from outside');
        const mounts = [
          { hostPath: folder, containerPath: '/data', readOnly: false },
          { hostPath: folder, containerPath: '/fixed', readOnly: true },
          { hostPath: join(folder, 'given'), containerPath: '/etc/one-file', readOnly: true },
        ];
        const { id } = await startPod(context, 'one', { kind: 'sleep' }, { mounts });
        check.equal((await shell(context, id, 'cat /data/given /etc/one-file; echo -n from inside > /data/back')).out, 'from outsidefrom outside', 'Folders and files are there.');
        check.equal(await readFile(join(folder, 'back'), 'utf8'), 'from inside', 'What the program writes is on the host.');
        check.that((await shell(context, id, 'echo x > /fixed/given')).code !== 0, 'A read-only mount refuses to be written.');
        check.equal(await readFile(join(folder, 'given'), 'utf8'), 'from outside', 'The file is as it was.');
      }),
  },
  {
    name: 'a command with a terminal has one, of the size that is set',
    needs: claims('realProcesses', 'exec', 'tty'),
    async run(context) {
      const { id } = await startPod(context, 'one', { kind: 'sleep' });
      const script = 'test -t 0 && test -t 1 && echo terminal; read go; stty size; exit 4';
      const session = await context.runtime.exec(id, { command: context.command({ kind: 'shell', script }), tty: true, stdin: true }, never);
      const output = text(session.stdout);
      session.resize(123, 45);
      // The size arrives on its own way, so it is asked for until it is there; the terminal also echoes what is typed.
      await session.stdin.write(Buffer.from('go\n'));
      const said = await check.within('the command ends', output);
      check.that(said.includes('terminal'), `Input and output are a terminal: ${JSON.stringify(said)}.`);
      check.that(/45 123/.test(said), `The terminal has the size that was set: ${JSON.stringify(said)}.`);
      check.equal(await session.exitCode, 4, 'The exit code is the command\'s.');
    },
  },
  {
    name: 'attach passes standard input to the main process, whose input ends with the first client if it says so',
    needs: claims('realProcesses', 'attach'),
    async run(context) {
      const { runtime } = context;
      const { id } = await startPod(context, 'one', { kind: 'shell', script: 'while read line; do echo "got $line"; done; exit 9' }, { stdin: true, stdinOnce: true });
      const session = await runtime.attach(id, { stdin: true, tty: false }, never);
      const output = text(session.stdout);
      await session.stdin.write(Buffer.from('hello\nworld\n'));
      session.stdin.end();
      check.equal((await check.within('the stream ends', output)).trim(), 'got hello\ngot world', 'Lines go in and come back.');
      check.equal((await exited(runtime, id)).exitCode, 9, 'The end of the input reached the program.');
    },
  },
  {
    name: 'a pod has its host name, its resolver, and memory that its containers share',
    needs: claims('realProcesses', 'exec', 'namespaces'),
    async run(context) {
      const { runtime } = context;
      const dns = { servers: ['10.9.8.7'], searches: ['default.svc.cluster.local', 'svc.cluster.local'], options: ['ndots:5'] };
      const sandbox = await runtime.runSandbox(sandboxConfig('one', { hostname: 'my-host', dns }), never);
      const ids = [];
      for (const name of ['first', 'second']) {
        const id = await runtime.createContainer(sandbox.id, containerConfig(context, { kind: 'sleep' }, { name }), never);
        await runtime.startContainer(id, never);
        ids.push(id);
      }
      const [first = '', second = ''] = ids;
      check.equal((await shell(context, first, 'hostname')).out, 'my-host', 'The host name is the pod\'s.');
      const resolver = (await shell(context, second, 'cat /etc/resolv.conf')).out;
      for (const line of ['nameserver 10.9.8.7', 'search default.svc.cluster.local svc.cluster.local', 'options ndots:5']) check.that(resolver.includes(line), `resolv.conf has "${line}": ${resolver}`);
      await shell(context, first, 'echo shared > /dev/shm/note');
      check.equal((await shell(context, second, 'cat /dev/shm/note')).out, 'shared', 'Shared memory is the pod\'s.');
      check.equal((await shell(context, second, 'ps -o pid,args 2>/dev/null | grep -c "[s]leep" || ps | grep -c "[s]leep"')).out, '1', 'Each container sees its own processes only.');
    },
  },
  {
    name: 'containers of a pod that shares its processes see each other',
    needs: claims('realProcesses', 'exec', 'namespaces'),
    async run(context) {
      const { runtime } = context;
      const sandbox = await runtime.runSandbox(sandboxConfig('one', { pidNamespace: 'pod' }), never);
      const ids = [];
      for (const name of ['first', 'second']) {
        const id = await runtime.createContainer(sandbox.id, containerConfig(context, { kind: 'shell', script: `sleep 1000 & : ${name}-marker; wait` }, { name }), never);
        await runtime.startContainer(id, never);
        ids.push(id);
      }
      const { out } = await shell(context, ids[1] ?? '', 'cat /proc/[0-9]*/cmdline | tr "\\0" " "');
      check.that(out.includes('first-marker') && out.includes('second-marker'), `Both programs are seen: ${out}`);
    },
  },
];
