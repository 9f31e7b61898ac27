import type { ContainerConfig, ContainerResources, Runtime, RuntimeContainerStatus } from '../../contracts/runtime.js';
import { systemClock } from '../../kernel/platform.js';
import type { RuntimeContext } from './context.js';

/** A runtime with one fault, and the case that must find it. */
export interface RuntimeMutant {
  readonly name: string;
  /** The name of a case that fails on it. */
  readonly caughtBy: string;
  /** Breaks an honest context. */
  mutate(context: RuntimeContext): RuntimeContext;
}

/** Overrides some methods; everything else is the honest runtime's. */
export function broken(context: RuntimeContext, override: (honest: Runtime) => Partial<Runtime>): RuntimeContext {
  const honest = context.runtime;
  const changes = override(honest);
  const runtime = new Proxy(honest, {
    get(target, property) {
      const changed = changes[property as keyof Runtime];
      if (changed !== undefined) return changed;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value;
    },
  });
  return { ...context, runtime, program: (program) => context.program(program), command: (program) => context.command(program), leftovers: () => context.leftovers(), cleanup: () => context.cleanup() };
}

/** Changes what every status says. */
export function statusesChanged(context: RuntimeContext, change: (status: RuntimeContainerStatus) => RuntimeContainerStatus): RuntimeContext {
  return broken(context, (honest) => ({
    containerStatus: async (id, signal) => change(await honest.containerStatus(id, signal)),
    listContainers: async (signal, sandboxId) => (await honest.listContainers(signal, sandboxId)).map(change),
  }));
}

function withoutEnding(status: RuntimeContainerStatus): RuntimeContainerStatus {
  const { exitCode: _exitCode, finishedAt: _finishedAt, reason: _reason, signal: _signal, ...rest } = status;
  return { ...rest, state: 'running' };
}

/** Faults that drivers really have. For each there is a case that finds it. */
export const runtimeMutants: readonly RuntimeMutant[] = [
  {
    name: 'loses exits',
    caughtBy: 'stopping a sandbox ends its containers, leaves it listed, and leaves others alone',
    mutate: (context) => statusesChanged(context, (status) => (status.state === 'exited' ? withoutEnding(status) : status)),
  },
  {
    name: 'tells every exit as code 0',
    caughtBy: "exit codes are told as they were, with Kubernetes' reason",
    mutate: (context) => statusesChanged(context, (status) => (status.state === 'exited' ? { ...status, exitCode: 0 } : status)),
  },
  {
    name: 'tells every failure as Completed',
    caughtBy: "exit codes are told as they were, with Kubernetes' reason",
    mutate: (context) => statusesChanged(context, (status) => (status.state === 'exited' ? { ...status, reason: 'Completed' } : status)),
  },
  {
    name: 'forgets the signal',
    caughtBy: 'a program that ends by the stop signal tells 128 + 15',
    mutate: (context) =>
      statusesChanged(context, (status) => {
        const { signal: _signal, ...rest } = status;
        return rest;
      }),
  },
  {
    name: 'makes a second container when a create is tried again',
    caughtBy: 'creating a container twice gives the same one; another attempt gives another',
    mutate(context) {
      let creates = 0;
      return broken(context, (honest) => ({
        createContainer: (sandboxId, config, signal) => honest.createContainer(sandboxId, { ...config, attempt: config.attempt + 1000 * creates++ }, signal),
      }));
    },
  },
  {
    name: 'makes a second sandbox when a run is tried again',
    caughtBy: 'running a sandbox twice gives the same one; another attempt gives another',
    mutate(context) {
      let runs = 0;
      return broken(context, (honest) => ({ runSandbox: (config, signal) => honest.runSandbox({ ...config, attempt: config.attempt + 1000 * runs++ }, signal) }));
    },
  },
  {
    name: 'leaves containers behind when a sandbox is removed',
    caughtBy: 'removing a sandbox ends and forgets all that is in it',
    mutate: (context) => broken(context, (honest) => ({ removeSandbox: (id, signal) => honest.stopSandbox(id, signal) })),
  },
  {
    name: 'only pretends to remove',
    caughtBy: 'nothing is left of what was removed',
    mutate(context) {
      const hidden = new Set<string>();
      return broken(context, (honest) => ({
        removeContainer: async (id) => void hidden.add(id),
        removeSandbox: async (id, signal) => {
          for (const container of await honest.listContainers(signal, id)) hidden.add(container.id);
          hidden.add(id);
        },
        listContainers: async (signal, id) => (await honest.listContainers(signal, id)).filter((container) => !hidden.has(container.id)),
        listSandboxes: async (signal, uid) => (await honest.listSandboxes(signal, uid)).filter((sandbox) => !hidden.has(sandbox.id)),
      }));
    },
  },
  {
    name: 'lists only what runs',
    caughtBy: 'lists are complete and true, and by sandbox',
    mutate: (context) => broken(context, (honest) => ({ listContainers: async (signal, id) => (await honest.listContainers(signal, id)).filter(({ state }) => state === 'running') })),
  },
  {
    name: 'ignores the sandbox asked for in a list',
    caughtBy: 'lists are complete and true, and by sandbox',
    mutate: (context) => broken(context, (honest) => ({ listContainers: (signal) => honest.listContainers(signal) })),
  },
  {
    name: 'drops labels',
    caughtBy: 'labels, annotations, names and attempts come back as they went in',
    mutate: (context) => statusesChanged(context, (status) => ({ ...status, labels: {} })),
  },
  {
    name: 'returns from stop before the container has ended',
    caughtBy: 'a program that ignores the stop signal is given its grace, then killed',
    mutate: (context) =>
      broken(context, (honest) => ({
        stopContainer: (id, graceMs, signal) => {
          honest.stopContainer(id, graceMs, signal).catch(() => undefined /* the mutant does not care */);
          return Promise.resolve();
        },
      })),
  },
  {
    name: 'kills without asking',
    caughtBy: 'a program that ends by the stop signal tells 128 + 15',
    mutate: (context) => broken(context, (honest) => ({ stopContainer: (id, _graceMs, signal) => honest.stopContainer(id, 0, signal) })),
  },
  {
    name: 'kills only while the caller waits',
    caughtBy: 'aborting a stop stops the waiting, not the stop',
    mutate: (context) =>
      broken(context, (honest) => ({
        stopContainer: async (id, graceMs, signal) => {
          const asked = honest.stopContainer(id, graceMs + 3_600_000, signal);
          const killed = systemClock.sleep(graceMs, signal).then(() => honest.stopContainer(id, 0, signal));
          await Promise.all([asked, killed]);
        },
      })),
  },
  {
    name: 'gives all pods one address',
    caughtBy: 'a new sandbox is ready, tells its pod, and has an address of its own',
    mutate: (context) => broken(context, (honest) => ({ runSandbox: async (config, signal) => ({ ...(await honest.runSandbox(config, signal)), ips: ['127.0.0.1'] }) })),
  },
  {
    name: 'fails on ids that it does not know',
    caughtBy: 'ids that nobody knows are no error for stop and remove, and NOT_FOUND elsewhere',
    mutate: (context) =>
      broken(context, (honest) => ({
        removeContainer: async (id, signal) => {
          await honest.containerStatus(id, signal);
          await honest.removeContainer(id, signal);
        },
      })),
  },
  {
    name: 'swallows a failed start',
    caughtBy: 'a program that cannot be started is INVALID, and told as StartError',
    mutate: (context) => broken(context, (honest) => ({ startContainer: (id, signal) => honest.startContainer(id, signal).catch(() => undefined /* the mutant's fault */) })),
  },
  {
    name: 'mixes up the streams',
    caughtBy: 'logs have every line of both streams, in order, with times',
    mutate: (context) =>
      broken(context, (honest) => ({
        async *logs(id, options, signal) {
          for await (const entry of honest.logs(id, options, signal)) yield { ...entry, stream: 'stdout' as const };
        },
      })),
  },
  {
    name: 'reads the tail from the wrong end',
    caughtBy: 'logs can be cut: the last lines, since a time, so many bytes',
    mutate: (context) =>
      broken(context, (honest) => ({
        async *logs(id, { tailLines, ...options }, signal) {
          let left = tailLines ?? Infinity;
          for await (const entry of honest.logs(id, options, signal)) if (left-- > 0) yield entry;
        },
      })),
  },
  {
    name: 'does not follow',
    caughtBy: 'following gives what comes, and ends with the container',
    mutate: (context) => broken(context, (honest) => ({ logs: (id, { follow: _follow, ...options }, signal) => honest.logs(id, options, signal) })),
  },
  {
    name: 'tells every command as successful',
    caughtBy: 'exec runs a command and tells its output and exit code',
    mutate: (context) => broken(context, (honest) => ({ exec: async (id, options, signal) => ({ ...(await honest.exec(id, options, signal)), exitCode: Promise.resolve(0) }) })),
  },
  {
    name: 'can be used after it was closed',
    caughtBy: 'closing twice is fine, and every use after it is CLOSED',
    mutate: (context) => broken(context, () => ({ [Symbol.asyncDispose]: async () => undefined })),
  },
  {
    name: 'hints before the list knows',
    caughtBy: 'what an event hints at is in the list already',
    mutate(context) {
      const stale = new Set<string>();
      return broken(context, (honest) => ({
        async *events(signal) {
          for await (const event of honest.events(signal)) {
            if (event.type === 'containerExited' && event.containerId !== undefined) stale.add(event.containerId);
            yield event;
          }
        },
        listContainers: async (signal, id) => (await honest.listContainers(signal, id)).map((status) => (stale.delete(status.id) ? withoutEnding(status) : status)),
      }));
    },
  },
  {
    name: 'finds a new engine after every restart',
    caughtBy: 'another runtime on the same engine finds everything again',
    mutate(context) {
      const { reopen } = context;
      if (reopen === undefined) return context;
      return {
        ...broken(context, () => ({})),
        reopen: async () => {
          const runtime = await reopen.call(context);
          return broken({ ...context, runtime }, () => ({ listSandboxes: async () => [], listContainers: async () => [] })).runtime;
        },
      };
    },
  },
  {
    name: 'starts a program once for every caller',
    caughtBy: 'racing calls make one sandbox and one container, started once',
    mutate(context) {
      const configs = new Map<string, { readonly sandboxId: string; readonly config: ContainerConfig; starts: number }>();
      return broken(context, (honest) => ({
        createContainer: async (sandboxId, config, signal) => {
          const id = await honest.createContainer(sandboxId, config, signal);
          configs.set(id, { sandboxId, config, starts: 0 });
          return id;
        },
        startContainer: async (id, signal) => {
          const known = configs.get(id);
          if (known !== undefined && known.starts++ > 0) {
            const copy = await honest.createContainer(known.sandboxId, { ...known.config, name: `${known.config.name}-${known.starts}` }, signal);
            await honest.startContainer(copy, signal);
          }
          await honest.startContainer(id, signal);
        },
      }));
    },
  },
  {
    name: 'promises other resources and changes nothing',
    caughtBy: 'what a container may use changes while it runs, and is told',
    mutate: (context) => broken(context, () => ({ updateContainer: async () => undefined })),
  },
  {
    name: 'forgets the limits that a change does not name',
    caughtBy: 'what a container may use changes while it runs, and is told',
    mutate(context) {
      const given = new Map<string, ContainerResources>();
      const told = (status: RuntimeContainerStatus): RuntimeContainerStatus => ({ ...status, resources: given.get(status.id) ?? status.resources ?? {} });
      return broken(statusesChanged(context, told), (honest) => ({
        updateContainer: async (id, resources, signal) => {
          await honest.updateContainer(id, resources, signal);
          given.set(id, resources);
        },
      }));
    },
  },
  {
    name: 'keeps what was changed to itself',
    caughtBy: 'changed resources are found again by another runtime on the same engine',
    mutate(context) {
      const { reopen } = context;
      if (reopen === undefined) return context;
      return {
        ...broken(context, () => ({})),
        reopen: async () => {
          const runtime = await reopen.call(context);
          return statusesChanged({ ...context, runtime }, (status) => ({ ...status, resources: { cpuShares: 102, memoryLimitBytes: 64 * 1024 * 1024 } })).runtime;
        },
      };
    },
  },
  {
    name: 'pretends to change what does not run',
    caughtBy: 'what does not run cannot be given other resources',
    mutate: (context) => broken(context, (honest) => ({ updateContainer: (id, resources, signal) => honest.updateContainer(id, resources, signal).catch(() => undefined /* the mutant's fault */) })),
  },
];
