import { check } from '../suite.js';
import type { RuntimeCase } from './context.js';
import { claims, containerConfig, exited, never, saidReady, sandboxConfig, startPod } from './context.js';

/** From sandbox to removal: states, exit codes, stops, and doing everything twice. */
export const lifecycleCases: readonly RuntimeCase[] = [
  {
    name: 'a new sandbox is ready, tells its pod, and has an address of its own',
    async run({ runtime }) {
      await runtime.ready(never);
      const one = await runtime.runSandbox(sandboxConfig('one'), never);
      const two = await runtime.runSandbox(sandboxConfig('two'), never);
      check.equal(one.state, 'ready', 'A sandbox that was just run is ready.');
      check.equal(one.pod, sandboxConfig('one').pod, 'The sandbox tells whose it is.');
      check.that(one.id !== two.id, 'Two sandboxes have two ids.');
      const [first, second] = [check.present(one.ips[0], 'A sandbox has an address.'), check.present(two.ips[0], 'A sandbox has an address.')];
      check.that(first !== second, `Two pods never share an address (both have ${first}).`);
    },
  },
  {
    name: 'a sandbox on the host network has no address of its own',
    async run({ runtime }) {
      const { ips } = await runtime.runSandbox(sandboxConfig('host', { hostNetwork: true }), never);
      check.equal(ips, [], 'With host network the address is the node\'s.');
    },
  },
  {
    name: 'running a sandbox twice gives the same one; another attempt gives another',
    async run({ runtime }) {
      const first = await runtime.runSandbox(sandboxConfig('one'), never);
      const again = await runtime.runSandbox(sandboxConfig('one'), never);
      check.equal(again.id, first.id, 'The same uid and attempt name the same sandbox.');
      check.equal(again.ips, first.ips, 'The sandbox keeps its address.');
      const next = await runtime.runSandbox(sandboxConfig('one', { attempt: 1 }), never);
      check.that(next.id !== first.id, 'A new attempt is a new sandbox.');
      check.equal((await runtime.listSandboxes(never)).length, 2, 'Each sandbox is listed once.');
      check.equal([(await runtime.listSandboxes(never, 'uid-one')).length, (await runtime.listSandboxes(never, 'uid-none')).length], [2, 0], 'One pod\'s can be asked for.');
    },
  },
  {
    name: 'a container goes from created to running to exited',
    async run(context) {
      const { runtime } = context;
      const sandbox = await runtime.runSandbox(sandboxConfig('one'), never);
      const id = await runtime.createContainer(sandbox.id, containerConfig(context, { kind: 'sleep' }), never);
      const created = await runtime.containerStatus(id, never);
      check.equal([created.state, created.startedAt, created.exitCode], ['created', undefined, undefined], 'A created container has not started.');
      await runtime.startContainer(id, never);
      const running = await runtime.containerStatus(id, never);
      check.equal([running.state, running.exitCode, running.finishedAt], ['running', undefined, undefined], 'A started container runs.');
      check.that((running.startedAt ?? 0) >= running.createdAt, 'It started after it was created.');
      await runtime.stopContainer(id, 5_000, never);
      const ended = await runtime.containerStatus(id, never);
      check.equal(ended.state, 'exited', 'stopContainer resolves when the container has ended.');
      check.that((ended.finishedAt ?? 0) >= (ended.startedAt ?? Infinity), 'It ended after it started.');
    },
  },
  {
    name: 'creating a container twice gives the same one; another attempt gives another',
    async run(context) {
      const { runtime } = context;
      const sandbox = await runtime.runSandbox(sandboxConfig('one'), never);
      const first = await runtime.createContainer(sandbox.id, containerConfig(context, { kind: 'sleep' }), never);
      const again = await runtime.createContainer(sandbox.id, containerConfig(context, { kind: 'sleep' }), never);
      check.equal(again, first, 'The same sandbox, name and attempt name the same container.');
      const next = await runtime.createContainer(sandbox.id, containerConfig(context, { kind: 'sleep' }, { attempt: 1 }), never);
      check.that(next !== first, 'A new attempt is a new container.');
      check.equal((await runtime.listContainers(never)).length, 2, 'Each container is listed once.');
    },
  },
  {
    name: 'starting, stopping and removing twice has no further effect',
    async run(context) {
      const { runtime } = context;
      const { sandbox, id } = await startPod(context, 'one', { kind: 'sleep' });
      const { startedAt } = await runtime.containerStatus(id, never);
      await runtime.startContainer(id, never);
      check.equal((await runtime.containerStatus(id, never)).startedAt, startedAt, 'A second start does not start again.');
      await runtime.stopContainer(id, 5_000, never);
      const { finishedAt, exitCode } = await runtime.containerStatus(id, never);
      await runtime.stopContainer(id, 5_000, never);
      const after = await runtime.containerStatus(id, never);
      check.equal([after.finishedAt, after.exitCode], [finishedAt, exitCode], 'A second stop changes nothing.');
      await runtime.startContainer(id, never);
      check.equal((await runtime.containerStatus(id, never)).state, 'exited', 'A container that has ended does not start again.');
      for (let time = 0; time < 2; time++) await runtime.stopSandbox(sandbox.id, never);
      for (let time = 0; time < 2; time++) await runtime.removeContainer(id, never);
      for (let time = 0; time < 2; time++) await runtime.removeSandbox(sandbox.id, never);
    },
  },
  {
    name: 'ids that nobody knows are no error for stop and remove, and NOT_FOUND elsewhere',
    async run(context) {
      const { runtime } = context;
      for (const id of ['00000000000000000000000000000000', 'no-such-thing', '../../etc']) {
        await runtime.stopSandbox(id, never);
        await runtime.removeSandbox(id, never);
        await runtime.stopContainer(id, 100, never);
        await runtime.removeContainer(id, never);
        await check.rejects('NOT_FOUND', runtime.containerStatus(id, never), 'containerStatus of an unknown id');
        await check.rejects('NOT_FOUND', runtime.startContainer(id, never), 'startContainer of an unknown id');
        await check.rejects('NOT_FOUND', runtime.createContainer(id, containerConfig(context, { kind: 'sleep' }), never), 'createContainer in an unknown sandbox');
      }
    },
  },
  {
    name: 'exit codes are told as they were, with Kubernetes\' reason',
    async run(context) {
      for (const code of [0, 1, 42, 255]) {
        const { id } = await startPod(context, `exit-${code}`, { kind: 'exit', code });
        const status = await exited(context.runtime, id);
        check.equal([status.exitCode, status.reason, status.signal], [code, code === 0 ? 'Completed' : 'Error', undefined], `A program that exits with ${code} is told so.`);
      }
    },
  },
  {
    name: 'a program that ends by the stop signal tells 128 + 15',
    async run(context) {
      const { id } = await startPod(context, 'one', { kind: 'sleep' });
      await context.runtime.stopContainer(id, 10_000, never);
      const status = await context.runtime.containerStatus(id, never);
      check.equal([status.state, status.exitCode, status.signal], ['exited', 143, 15], 'SIGTERM ends it and is told.');
    },
  },
  {
    name: 'a program that ignores the stop signal is given its grace, then killed',
    async run(context) {
      const { runtime } = context;
      const { id } = await startPod(context, 'one', { kind: 'ignoreTerm' });
      await saidReady(runtime, id);
      const abort = new AbortController();
      const stopping = runtime.stopContainer(id, 300, abort.signal);
      check.equal((await runtime.containerStatus(id, never)).state, 'running', 'The grace is given.');
      await check.within('the stop resolves after its grace', stopping);
      const status = await runtime.containerStatus(id, never);
      check.equal([status.state, status.exitCode, status.signal, status.reason], ['exited', 137, 9, 'Error'], 'SIGKILL ends it and is told.');
    },
  },
  {
    name: 'a program that cannot be started is INVALID, and told as StartError',
    async run(context) {
      const { runtime } = context;
      const sandbox = await runtime.runSandbox(sandboxConfig('one'), never);
      const id = await runtime.createContainer(sandbox.id, containerConfig(context, { kind: 'missing' }), never);
      await check.rejects('INVALID', runtime.startContainer(id, never), 'starting what cannot be started');
      const status = await runtime.containerStatus(id, never);
      check.equal([status.state, status.reason, status.exitCode], ['exited', 'StartError', 128], 'The status says that it could not be started.');
      check.that((status.message ?? '') !== '', 'The status says why.');
      await check.rejects('INVALID', runtime.startContainer(id, never), 'starting it again');
    },
  },
  {
    name: 'a container without a command is INVALID where there are no images',
    needs: ({ runtime }) => !runtime.capabilities.images && runtime.capabilities.realProcesses,
    async run(context) {
      const sandbox = await context.runtime.runSandbox(sandboxConfig('one'), never);
      await check.rejects('INVALID', context.runtime.createContainer(sandbox.id, containerConfig(context, { kind: 'sleep' }, { command: [] }), never), 'creating it');
    },
  },
  {
    name: 'lists are complete and true, and by sandbox',
    async run(context) {
      const { runtime } = context;
      const one = await startPod(context, 'one', { kind: 'sleep' });
      const two = await startPod(context, 'two', { kind: 'exit', code: 3 });
      await exited(runtime, two.id);
      const states = (await runtime.listContainers(never)).map(({ id, sandboxId, state, exitCode }) => [id, sandboxId, state, exitCode ?? null]);
      const expected = [[one.id, one.sandbox.id, 'running', null], [two.id, two.sandbox.id, 'exited', 3]];
      const byId = (a: readonly unknown[], b: readonly unknown[]): number => (String(a[0]) < String(b[0]) ? -1 : 1);
      check.equal(states.sort(byId), expected.sort(byId), 'The list shows all containers as they are.');
      check.equal((await runtime.listContainers(never, two.sandbox.id)).map(({ id }) => id), [two.id], 'The list of a sandbox shows only its own.');
      check.equal(await runtime.listContainers(never, 'unknown'), [], 'The list of an unknown sandbox is empty.');
      await runtime.removeContainer(one.id, never);
      check.equal((await runtime.listContainers(never)).map(({ id }) => id), [two.id], 'A removed container is not listed.');
    },
  },
  {
    name: 'labels, annotations, names and attempts come back as they went in',
    async run(context) {
      const { runtime } = context;
      const labels = { 'app.kubernetes.io/name': 'web', empty: '' };
      const annotations = { note: 'line one\nline two "quoted" ünïcode 🚀' };
      const sandbox = await runtime.runSandbox(sandboxConfig('one', { labels, annotations, attempt: 7 }), never);
      const id = await runtime.createContainer(sandbox.id, containerConfig(context, { kind: 'sleep' }, { labels, annotations, attempt: 3, name: 'side-car' }), never);
      const [listedSandbox] = await runtime.listSandboxes(never);
      check.equal([listedSandbox?.labels, listedSandbox?.annotations, listedSandbox?.attempt], [labels, annotations, 7], 'The sandbox keeps what identifies it.');
      const [listed] = await runtime.listContainers(never);
      check.equal([listed?.labels, listed?.annotations, listed?.attempt, listed?.name, listed?.image], [labels, annotations, 3, 'side-car', 'suite'], 'The container keeps what identifies it.');
      check.equal(listed?.pod, sandbox.pod, 'The container tells whose it is.');
      check.equal(await runtime.containerStatus(id, never), listed, 'Status and list agree.');
    },
  },
  {
    name: 'stopping a sandbox ends its containers, leaves it listed, and leaves others alone',
    async run(context) {
      const { runtime } = context;
      const one = await startPod(context, 'one', { kind: 'ignoreTerm' });
      const two = await startPod(context, 'two', { kind: 'sleep' });
      await check.within('the sandbox stops at once', runtime.stopSandbox(one.sandbox.id, never));
      check.equal((await runtime.containerStatus(one.id, never)).state, 'exited', 'Its container has ended.');
      check.equal((await runtime.containerStatus(two.id, never)).state, 'running', 'The other pod runs on.');
      const listed = (await runtime.listSandboxes(never)).find(({ id }) => id === one.sandbox.id);
      check.equal(listed?.state, 'notReady', 'A stopped sandbox is listed as not ready.');
      await check.rejects('INVALID', runtime.createContainer(one.sandbox.id, containerConfig(context, { kind: 'sleep' }, { name: 'late' }), never), 'creating a container in it');
    },
  },
  {
    name: 'removing a sandbox ends and forgets all that is in it',
    async run(context) {
      const { runtime } = context;
      const { sandbox, id } = await startPod(context, 'one', { kind: 'sleep' });
      await runtime.removeSandbox(sandbox.id, never);
      check.equal(await runtime.listSandboxes(never), [], 'The sandbox is gone.');
      check.equal(await runtime.listContainers(never), [], 'Its container is gone.');
      await check.rejects('NOT_FOUND', runtime.containerStatus(id, never), 'the status of its container');
    },
  },
  {
    name: 'nothing is left of what was removed',
    async run(context) {
      const { runtime } = context;
      const pods = await Promise.all(['one', 'two', 'three'].map((name) => startPod(context, name, { kind: 'echo', lines: [{ stream: 'stdout', line: name }], then: 'sleep' })));
      const [first, second, third] = pods as [(typeof pods)[0], (typeof pods)[0], (typeof pods)[0]];
      await runtime.stopContainer(first.id, 5_000, never);
      await runtime.removeContainer(first.id, never);
      await runtime.removeContainer(second.id, never);
      await runtime.stopSandbox(third.sandbox.id, never);
      for (const { sandbox } of pods) await runtime.removeSandbox(sandbox.id, never);
      check.equal(await context.leftovers(), [], 'No process, file or address is left.');
    },
  },
  {
    name: 'racing calls make one sandbox and one container, started once',
    async run(context) {
      const { runtime } = context;
      const times = [0, 1, 2, 3, 4, 5, 6, 7];
      const sandboxes = await Promise.all(times.map(() => runtime.runSandbox(sandboxConfig('one'), never)));
      const ids = await Promise.all(sandboxes.map(({ id }) => runtime.createContainer(id, containerConfig(context, { kind: 'echo', lines: [{ stream: 'stdout', line: 'once' }], then: 'exit' }), never)));
      check.equal([new Set(sandboxes.map(({ id }) => id)).size, new Set(ids).size], [1, 1], 'All racers get the same.');
      const [id = ''] = ids;
      await Promise.all(times.map(() => runtime.startContainer(id, never)));
      await exited(runtime, id);
      const lines: string[] = [];
      for await (const { line } of runtime.logs(id, {}, never)) lines.push(line);
      check.equal(lines, ['once'], 'The program ran once.');
      check.equal((await runtime.listContainers(never)).length, 1, 'There is one container.');
    },
  },
  {
    name: 'many containers start at once',
    needs: claims('realProcesses'),
    async run(context) {
      const pods = await Promise.all(Array.from({ length: 30 }, (_, index) => startPod(context, `pod-${index}`, { kind: 'exit', code: index })));
      for (const [index, { id }] of pods.entries()) {
        check.equal((await exited(context.runtime, id)).exitCode, index, 'Each container has its own exit code.');
      }
    },
  },
];
