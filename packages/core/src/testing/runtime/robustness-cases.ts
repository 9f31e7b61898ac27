import type { RuntimeEvent } from '../../contracts/runtime.js';
import { OrreryError } from '../../kernel/errors.js';
import { check } from '../suite.js';
import type { RuntimeCase } from './context.js';
import { claims, collect, containerConfig, exited, linesOf, never, saidReady, sandboxConfig, startPod } from './context.js';

/** Aborts, closes, restarts and hints. */
export const robustnessCases: readonly RuntimeCase[] = [
  {
    name: 'a signal that has aborted ends any call with ABORTED',
    async run({ runtime }) {
      const signal = AbortSignal.abort();
      await check.rejects('ABORTED', runtime.listContainers(signal), 'listContainers');
      await check.rejects('ABORTED', runtime.runSandbox(sandboxConfig('one'), signal), 'runSandbox');
    },
  },
  {
    name: 'aborting a stop stops the waiting, not the stop',
    async run(context) {
      const { runtime } = context;
      const { id } = await startPod(context, 'one', { kind: 'ignoreTerm' });
      await saidReady(runtime, id);
      const abort = new AbortController();
      const stopping = runtime.stopContainer(id, 400, abort.signal);
      const told = check.rejects('ABORTED', stopping, 'the aborted stop');
      await runtime.containerStatus(id, never);
      abort.abort();
      await check.within('the abort is heard at once', told, 5_000);
      check.equal((await exited(runtime, id)).exitCode, 137, 'The container is killed all the same.');
    },
  },
  {
    name: 'closing twice is fine, and every use after it is CLOSED',
    async run({ runtime }) {
      await runtime.ready(never);
      await runtime[Symbol.asyncDispose]();
      await runtime[Symbol.asyncDispose]();
      await check.rejects('CLOSED', runtime.listContainers(never), 'listContainers');
      await check.rejects('CLOSED', runtime.runSandbox(sandboxConfig('one'), never), 'runSandbox');
      await check.rejects('CLOSED', runtime.ready(never), 'ready');
    },
  },
  {
    name: 'closing ends what hangs on the runtime: events and followed logs',
    async run(context) {
      const { runtime } = context;
      const { id } = await startPod(context, 'one', { kind: 'sleep' });
      const ends = [collect(runtime.events(never)), collect(runtime.logs(id, { follow: true }, never))].map((end) =>
        end.then(() => true, (error: unknown) => OrreryError.is(error, 'CLOSED') || OrreryError.is(error, 'ABORTED')),
      );
      await runtime.listContainers(never);
      await runtime[Symbol.asyncDispose]();
      check.equal(await check.within('both end', Promise.all(ends)), [true, true], 'They end without another failure.');
    },
  },
  {
    name: 'another runtime on the same engine finds everything again',
    needs: claims('survivesRestart'),
    async run(context) {
      const { runtime } = context;
      const reopen = check.present(context.reopen, 'A runtime that claims survivesRestart can be reopened.');
      const running = await startPod(context, 'one', { kind: 'echo', lines: [{ stream: 'stdout', line: 'before' }], then: 'sleep' });
      const done = await startPod(context, 'two', { kind: 'exit', code: 9 });
      await exited(runtime, done.id);
      await check.eventually('the line is logged', async () => (await collect(runtime.logs(running.id, {}, never))).length === 1);
      const key = ({ id }: { readonly id: string }): string => id;
      const sorted = <T extends { readonly id: string }>(items: readonly T[]): T[] => [...items].sort((a, b) => (key(a) < key(b) ? -1 : 1));
      const before = { sandboxes: sorted(await runtime.listSandboxes(never)), containers: sorted(await runtime.listContainers(never)) };
      await runtime[Symbol.asyncDispose]();

      const next = await reopen();
      check.equal({ sandboxes: sorted(await next.listSandboxes(never)), containers: sorted(await next.listContainers(never)) }, before, 'Everything is as it was.');
      check.equal(linesOf(await collect(next.logs(running.id, {}, never))), ['before'], 'The log is there.');
      check.equal((await next.runSandbox(sandboxConfig('one'), never)).id, running.sandbox.id, 'The identity still names the same sandbox.');
      await next.stopContainer(running.id, 10_000, never);
      check.equal((await next.containerStatus(running.id, never)).exitCode, 143, 'It can be stopped, and its exit code is known.');
    },
  },
  {
    name: 'an exit while no runtime is open is told afterwards',
    needs: claims('survivesRestart'),
    async run(context) {
      const reopen = check.present(context.reopen, 'A runtime that claims survivesRestart can be reopened.');
      const { id } = await startPod(context, 'one', { kind: 'exit', code: 5 });
      await context.runtime[Symbol.asyncDispose]();
      const next = await reopen();
      check.equal((await exited(next, id)).exitCode, 5, 'The exit code is known.');
    },
  },
  {
    name: 'events hint at starts, exits and removals',
    async run(context) {
      const { runtime } = context;
      const seen: RuntimeEvent[] = [];
      const abort = new AbortController();
      const listening = (async () => {
        for await (const event of runtime.events(abort.signal)) seen.push(event);
      })();
      // Subscribing takes its time; a first change that is heard shows that it is done.
      await check.eventually('something is heard', async () => {
        const probe = await runtime.runSandbox(sandboxConfig('probe', { attempt: seen.length }), never);
        await runtime.removeSandbox(probe.id, never);
        return seen.length > 0;
      });
      const { id, sandbox } = await startPod(context, 'one', { kind: 'exit', code: 0 });
      await exited(runtime, id);
      await runtime.removeContainer(id, never);
      for (const type of ['containerStarted', 'containerExited', 'containerRemoved'] as const) {
        await check.eventually(`${type} is hinted at`, () => seen.some((event) => event.type === 'resync' || (event.type === type && event.containerId === id)));
      }
      check.that(seen.some(({ pod }) => pod?.uid === sandbox.pod.uid), 'A hint says which pod.');
      abort.abort();
      await check.within('events end with the signal', listening);
    },
  },
  {
    name: 'what an event hints at is in the list already',
    async run(context) {
      const { runtime } = context;
      const abort = new AbortController();
      const wrong: string[] = [];
      let exits = 0;
      const listening = (async () => {
        for await (const { type, containerId } of runtime.events(abort.signal)) {
          if (type !== 'containerExited') continue;
          exits += 1;
          const listed = (await runtime.listContainers(never)).find(({ id }) => id === containerId);
          if (listed !== undefined && listed.state !== 'exited') wrong.push(`${String(containerId)} is ${listed.state}`);
        }
      })();
      const sandbox = await runtime.runSandbox(sandboxConfig('one'), never);
      for (let attempt = 0; attempt < 200 && (attempt < 3 || exits < 3); attempt++) {
        const id = await runtime.createContainer(sandbox.id, containerConfig(context, { kind: 'exit', code: 0 }, { attempt }), never);
        await runtime.startContainer(id, never);
        await exited(runtime, id);
      }
      abort.abort();
      await check.within('events end with the signal', listening);
      check.that(exits > 0, 'Some exits are hinted at.');
      check.equal(wrong, [], 'The list is never behind the hint.');
    },
  },
];
