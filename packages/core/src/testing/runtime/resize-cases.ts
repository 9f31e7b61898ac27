import type { ContainerResources } from '../../contracts/runtime.js';
import { check } from '../suite.js';
import { claims, containerConfig, exited, never, type RuntimeCase, type RuntimeContext, saidReady, sandboxConfig, shell, startPod } from './context.js';

const MIB = 1024 * 1024;
const resizes = claims('resize');
const limits = claims('realProcesses', 'exec', 'limits', 'resize');

/** What of a container's resources can change. */
async function inForce({ runtime }: RuntimeContext, id: string): Promise<ContainerResources> {
  const { cpuShares, cpuQuota, cpuPeriod, memoryLimitBytes } = (await runtime.containerStatus(id, never)).resources ?? {};
  return { ...(cpuShares !== undefined && { cpuShares }), ...(cpuQuota !== undefined && { cpuQuota }), ...(cpuPeriod !== undefined && { cpuPeriod }), ...(memoryLimitBytes !== undefined && { memoryLimitBytes }) };
}

/** Makes a text of 64 MiB. */
const GROW = 'x=0123456789abcdef; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22; do x="$x$x"; done';
const WAIT = 'echo ready; while :; do sleep 1000 & wait $!; done';

/** Changing what containers may use while they run. */
export const resizeCases: readonly RuntimeCase[] = [
  {
    name: 'what a container may use changes while it runs, and is told',
    needs: resizes,
    async run(context) {
      const { runtime } = context;
      const first = { cpuShares: 102, cpuPeriod: 100_000, cpuQuota: 50_000, memoryLimitBytes: 64 * MIB };
      const { id, sandbox } = await startPod(context, 'one', { kind: 'sleep' }, { resources: first });
      const before = await runtime.containerStatus(id, never);
      check.equal(await inForce(context, id), first, 'It is told what a container was made with.');
      const second = { cpuShares: 512, cpuPeriod: 100_000, cpuQuota: 20_000, memoryLimitBytes: 128 * MIB };
      await runtime.updateContainer(id, second, never);
      check.equal(await inForce(context, id), second, 'The new limits are told.');
      await runtime.updateContainer(id, second, never);
      await runtime.updateContainer(id, { cpuShares: 256 }, never);
      check.equal(await inForce(context, id), { ...second, cpuShares: 256 }, 'What is not named stays as it is.');
      const after = await runtime.containerStatus(id, never);
      check.equal([after.state, after.startedAt], ['running', before.startedAt], 'It runs on.');
      check.equal((await runtime.listContainers(never, sandbox.id)).map(({ resources }) => resources?.cpuShares), [256], 'The list knows, too.');
    },
  },
  {
    name: 'a container that had no limits can be given some',
    needs: resizes,
    async run(context) {
      const { id } = await startPod(context, 'one', { kind: 'sleep' }, { resources: { cpuShares: 2 } });
      const wanted = { cpuShares: 512, cpuPeriod: 100_000, cpuQuota: 20_000, memoryLimitBytes: 64 * MIB };
      await context.runtime.updateContainer(id, wanted, never);
      check.equal(await inForce(context, id), wanted, 'The limits are told.');
      check.equal((await context.runtime.containerStatus(id, never)).state, 'running', 'It runs on.');
    },
  },
  {
    name: 'what does not run cannot be given other resources',
    needs: resizes,
    async run(context) {
      const { runtime } = context;
      const resources = { cpuShares: 512 };
      await check.rejects('NOT_FOUND', runtime.updateContainer('nobody-has-this-id', resources, never), 'An unknown id is NOT_FOUND.');
      const sandbox = await runtime.runSandbox(sandboxConfig('one'), never);
      const created = await runtime.createContainer(sandbox.id, containerConfig(context, { kind: 'sleep' }), never);
      await check.rejects('NOT_FOUND', runtime.updateContainer(created, resources, never), 'One that was not started is NOT_FOUND.');
      const { id } = await startPod(context, 'two', { kind: 'exit', code: 0 });
      await exited(runtime, id);
      await check.rejects('NOT_FOUND', runtime.updateContainer(id, resources, never), 'One that has ended is NOT_FOUND.');
    },
  },
  {
    name: 'changed resources are found again by another runtime on the same engine',
    needs: claims('resize', 'survivesRestart'),
    async run(context) {
      const reopen = check.present(context.reopen, 'A runtime that claims survivesRestart can be reopened.');
      const { id } = await startPod(context, 'one', { kind: 'sleep' }, { resources: { cpuShares: 102, memoryLimitBytes: 64 * MIB } });
      await context.runtime.updateContainer(id, { cpuShares: 204, memoryLimitBytes: 96 * MIB }, never);
      await context.runtime[Symbol.asyncDispose]();
      const runtime = await reopen();
      check.equal(await inForce({ ...context, runtime }, id), { cpuShares: 204, memoryLimitBytes: 96 * MIB }, 'They are told.');
    },
  },
  {
    name: 'a program is held to the limit that it was given while it ran',
    needs: limits,
    async run(context) {
      const { runtime } = context;
      for (const [pod, resources] of [['limited', { memoryLimitBytes: 512 * MIB }], ['unlimited', {}]] as const) {
        const { id } = await startPod(context, pod, { kind: 'shell', script: `trap '${GROW}; exit 0' TERM; ${WAIT}` }, { resources });
        await saidReady(runtime, id);
        await runtime.updateContainer(id, { memoryLimitBytes: 32 * MIB }, never);
        await runtime.stopContainer(id, 60_000, never);
        const { reason, exitCode } = await runtime.containerStatus(id, never);
        check.equal([reason, exitCode], ['OOMKilled', 137], `It was killed for the memory it took (${pod} before).`);
      }
    },
  },
  {
    name: 'less memory than is in use is refused, and the program runs on as before',
    needs: limits,
    async run(context) {
      const { runtime } = context;
      const { id } = await startPod(context, 'one', { kind: 'shell', script: `${GROW}; ${WAIT}` }, { resources: { cpuShares: 102, memoryLimitBytes: 256 * MIB } });
      await saidReady(runtime, id);
      await check.rejects('INVALID', runtime.updateContainer(id, { cpuShares: 204, memoryLimitBytes: 8 * MIB }, never), 'The limit is below what is in use.');
      check.equal(await inForce(context, id), { cpuShares: 102, memoryLimitBytes: 256 * MIB }, 'What was in force is.');
      check.equal((await shell(context, id, 'echo lives')).out, 'lives', 'It runs on.');
    },
  },
];
