import { check } from '../suite.js';
import type { RuntimeCase } from './context.js';
import { claims, collect, exited, linesOf, never, saidReady, sandboxConfig, startPod, text } from './context.js';

const THREE = ['one', 'two', 'three'].map((line) => ({ stream: 'stdout' as const, line }));

/** Output, commands, connections and use. */
export const streamCases: readonly RuntimeCase[] = [
  {
    name: 'logs have every line of both streams, in order, with times',
    async run(context) {
      const { runtime } = context;
      const lines = Array.from({ length: 50 }, (_, index) => ({ stream: index % 5 === 0 ? ('stderr' as const) : ('stdout' as const), line: `line ${index} äöü "quoted"  spaced ` }));
      const { id } = await startPod(context, 'one', { kind: 'echo', lines, then: 'exit' });
      await exited(runtime, id);
      const entries = await collect(runtime.logs(id, {}, never));
      for (const stream of ['stdout', 'stderr'] as const) {
        check.equal(linesOf(entries, stream), linesOf(lines.map((line) => ({ ...line, timestamp: '', partial: false })), stream), `Every line of ${stream} is there in order.`);
      }
      for (const { timestamp, partial } of entries) {
        check.that(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/.test(timestamp), `A time is RFC 3339 with nanoseconds, not "${timestamp}".`);
        check.that(!partial, 'A short line is whole.');
      }
      const times = entries.map(({ timestamp }) => timestamp);
      check.equal(times, [...times].sort(), 'Times do not go back.');
    },
  },
  {
    name: 'once a container is told as exited, its log is complete',
    async run(context) {
      const { runtime } = context;
      const pods = await Promise.all(Array.from({ length: 8 }, (_, index) => startPod(context, `pod-${index}`, { kind: 'echo', lines: THREE, then: 'exit' })));
      for (const { id } of pods) {
        await exited(runtime, id);
        check.equal(linesOf(await collect(runtime.logs(id, {}, never))), ['one', 'two', 'three'], 'Nothing is missing.');
      }
    },
  },
  {
    name: 'logs can be cut: the last lines, since a time, so many bytes',
    async run(context) {
      const { runtime } = context;
      const { id } = await startPod(context, 'one', { kind: 'echo', lines: THREE, then: 'exit' });
      const { createdAt = 0 } = await exited(runtime, id);
      const read = async (options: Parameters<typeof runtime.logs>[1]): Promise<string[]> => linesOf(await collect(runtime.logs(id, options, never)));
      check.equal(await read({ tailLines: 2 }), ['two', 'three'], 'tailLines gives the last lines.');
      check.equal(await read({ tailLines: 0 }), [], 'tailLines 0 gives none.');
      check.equal(await read({ tailLines: 99 }), ['one', 'two', 'three'], 'More lines than there are gives all.');
      check.equal(await read({ sinceTime: createdAt - 1_000 }), ['one', 'two', 'three'], 'Since before the start gives all.');
      check.equal(await read({ sinceTime: createdAt + 3_600_000 }), [], 'Since a time to come gives none.');
      check.equal((await read({ limitBytes: 6 })).join('\n').slice(0, 6), 'one\ntw', 'limitBytes cuts the content.');
      check.that((await read({ limitBytes: 6 })).join('').length <= 6, 'limitBytes is not exceeded.');
    },
  },
  {
    name: 'following gives what comes, and ends with the container',
    async run(context) {
      const { runtime } = context;
      const { id } = await startPod(context, 'one', { kind: 'echo', lines: THREE, then: 'sleep' });
      const seen: string[] = [];
      let over = false;
      const following = (async () => {
        for await (const { line } of runtime.logs(id, { follow: true }, never)) seen.push(line);
        over = true;
      })();
      await check.eventually('the follower has all lines', () => seen.length === 3 || over);
      await runtime.containerStatus(id, never);
      check.that(!over, 'Following goes on while the container runs.');
      await runtime.stopContainer(id, 5_000, never);
      await check.within('following ends with the container', following);
      check.equal(seen, ['one', 'two', 'three'], 'Each line came once.');
    },
  },
  {
    name: 'following ends when the caller stops it',
    async run(context) {
      const { runtime } = context;
      const { id } = await startPod(context, 'one', { kind: 'echo', lines: THREE, then: 'sleep' });
      const abort = new AbortController();
      const following = (async () => {
        for await (const { line } of runtime.logs(id, { follow: true }, abort.signal)) if (line === 'three') abort.abort();
      })();
      await check.within('following ends', following);
      check.equal((await runtime.containerStatus(id, never)).state, 'running', 'The container runs on.');
    },
  },
  {
    name: 'each attempt has its own log, and a removed one has none',
    async run(context) {
      const { runtime } = context;
      const { sandbox, id } = await startPod(context, 'one', { kind: 'echo', lines: THREE, then: 'exit' });
      await exited(runtime, id);
      const { id: next } = await startPod(context, 'one', { kind: 'echo', lines: [{ stream: 'stdout', line: 'again' }], then: 'exit' }, { attempt: 1 });
      check.equal((await runtime.containerStatus(next, never)).sandboxId, sandbox.id, 'The new attempt is in the same sandbox.');
      await exited(runtime, next);
      check.equal(linesOf(await collect(runtime.logs(id, {}, never))), ['one', 'two', 'three'], 'The previous attempt keeps its log.');
      check.equal(linesOf(await collect(runtime.logs(next, {}, never))), ['again'], 'The new attempt has its own.');
      await runtime.removeContainer(id, never);
      await check.rejects('NOT_FOUND', collect(runtime.logs(id, {}, never)), 'the log of a removed container');
    },
  },
  {
    name: 'exec runs a command and tells its output and exit code',
    needs: claims('exec'),
    async run(context) {
      const { runtime } = context;
      const { id } = await startPod(context, 'one', { kind: 'sleep' });
      const failing = await runtime.exec(id, { command: context.command({ kind: 'exit', code: 7 }), tty: false, stdin: false }, never);
      check.equal(await check.within('the command ends', failing.exitCode), 7, 'The exit code is the command\'s.');
      const talking = await runtime.exec(id, { command: context.command({ kind: 'echo', text: 'to out', problem: 'to err' }), tty: false, stdin: false }, never);
      const [out, err, code] = await Promise.all([text(talking.stdout), text(talking.stderr), talking.exitCode]);
      check.equal([out.trim(), err.trim(), code], ['to out', 'to err', 0], 'Both streams come apart.');
      check.equal((await runtime.containerStatus(id, never)).state, 'running', 'The container runs on.');
    },
  },
  {
    name: 'exec passes standard input, and its end',
    needs: claims('exec', 'realProcesses'),
    async run(context) {
      const { id } = await startPod(context, 'one', { kind: 'sleep' });
      const session = await context.runtime.exec(id, { command: context.command({ kind: 'cat' }), tty: false, stdin: true }, never);
      const output = text(session.stdout);
      const input = 'x'.repeat(300_000);
      await session.stdin.write(Buffer.from(input.slice(0, 100_000)));
      await session.stdin.write(Buffer.from(input.slice(100_000)));
      session.stdin.end();
      check.equal((await check.within('all comes back', output)).length, input.length, 'Every byte comes back.');
      check.equal(await session.exitCode, 0, 'The end of the input ends the command.');
    },
  },
  {
    name: 'exec in a container that does not run is NOT_FOUND',
    needs: claims('exec'),
    async run(context) {
      const { id } = await startPod(context, 'one', { kind: 'exit', code: 0 });
      await exited(context.runtime, id);
      await check.rejects('NOT_FOUND', context.runtime.exec(id, { command: context.command({ kind: 'exit', code: 0 }), tty: false, stdin: false }, never), 'exec');
    },
  },
  {
    name: 'attach gives the output from now on and ends with the container',
    needs: claims('attach'),
    async run(context) {
      const { runtime } = context;
      const { id } = await startPod(context, 'one', { kind: 'sleep' });
      const session = await runtime.attach(id, { stdin: false, tty: false }, never);
      const output = text(session.stdout);
      await runtime.stopContainer(id, 5_000, never);
      check.equal([await check.within('the stream ends', output), await session.exitCode], ['', 143], 'It ends with the container and its code.');
    },
  },
  {
    name: 'port-forward reaches a port of the pod, and says UNAVAILABLE where nobody listens',
    needs: claims('portForward'),
    async run(context) {
      const { runtime } = context;
      const sandbox = await runtime.runSandbox(sandboxConfig('one'), never);
      const port = 18_080;
      const { id } = await startPod(context, 'one', { kind: 'listen', port, address: sandbox.ips[0] ?? '127.0.0.1' });
      await saidReady(runtime, id);
      const stream = await runtime.portForward(sandbox.id, port, never);
      await stream.write(Buffer.from('ping'));
      stream.end();
      check.equal(await check.within('the answer comes', text(stream.readable)), 'ping', 'Bytes go there and back.');
      await stream.close();
      await check.rejects('UNAVAILABLE', runtime.portForward(sandbox.id, port + 1, never), 'a port where nobody listens');
      await check.rejects('NOT_FOUND', runtime.portForward('unknown', port, never), 'an unknown sandbox');
    },
  },
  {
    name: 'stats tell the use of what runs, and only of that',
    needs: claims('stats'),
    async run(context) {
      const { runtime } = context;
      const { id } = await startPod(context, 'one', { kind: 'sleep' });
      const { id: done } = await startPod(context, 'two', { kind: 'exit', code: 0 });
      await exited(runtime, done);
      const [stats, ...more] = await runtime.stats(never);
      check.equal([stats?.containerId, more.length], [id, 0], 'Only what runs is told.');
      check.that((stats?.workingSetBytes ?? 0) > 0 && (stats?.rssBytes ?? -1) >= 0 && (stats?.cpuNanoseconds ?? -1) >= 0, 'The numbers are sane.');
      const later = await runtime.stats(never);
      check.that((later[0]?.cpuNanoseconds ?? -1) >= (stats?.cpuNanoseconds ?? 0), 'Cpu time does not go back.');
    },
  },
];
