import type { ContainerConfig } from '../../contracts/runtime.js';
import type { RuntimeContext } from './context.js';
import { broken, type RuntimeMutant, statusesChanged } from './mutants.js';

/** Changes what containers are made from behind the caller's back. */
const madeOtherwise = (context: RuntimeContext, change: (config: ContainerConfig) => ContainerConfig): RuntimeContext =>
  broken(context, (honest) => ({ createContainer: (sandboxId, config, signal) => honest.createContainer(sandboxId, change(config), signal) }));

/** Faults that show only where real programs run. */
export const realRuntimeMutants: readonly RuntimeMutant[] = [
  {
    name: 'lets the first of two equal names win',
    caughtBy: 'a program gets its environment, the later of two equal names, and its working directory',
    mutate: (context) => madeOtherwise(context, (config) => ({ ...config, env: [...config.env].reverse() })),
  },
  {
    name: 'forgets the working directory',
    caughtBy: 'a program gets its environment, the later of two equal names, and its working directory',
    mutate: (context) => madeOtherwise(context, (config) => ({ ...config, workingDir: '/tmp' })),
  },
  {
    name: 'has a shell look at arguments',
    caughtBy: 'arguments arrive as they are, whatever is in them',
    mutate: (context) => madeOtherwise(context, (config) => ({ ...config, command: config.command.map((word, i) => (i < 3 ? word : word.replaceAll('"', '').trim())) })),
  },
  {
    name: 'leaves the input open when the first client goes',
    caughtBy: 'attach passes standard input to the main process, whose input ends with the first client if it says so',
    mutate: (context) =>
      broken(context, (honest) => ({
        attach: async (id, options, signal) => {
          const session = await honest.attach(id, options, signal);
          return { ...session, stdin: { ...session.stdin, end: () => undefined } };
        },
      })),
  },
  {
    name: 'kills a neighbour for the memory of another',
    caughtBy: 'a program beyond its memory is killed and told as OOMKilled; its neighbour is not',
    mutate(context) {
      let first = '';
      return broken(context, (honest) => ({
        createContainer: async (sandboxId, config, signal) => {
          const id = await honest.createContainer(sandboxId, config, signal);
          if (first !== '') await honest.stopContainer(first, 0, signal);
          first = id;
          return id;
        },
      }));
    },
  },
  {
    name: 'tells a kill for memory as an error',
    caughtBy: 'a program beyond its memory is killed and told as OOMKilled; its neighbour is not',
    mutate: (context) => statusesChanged(context, (status) => (status.reason === 'OOMKilled' ? { ...status, reason: 'Error' } : status)),
  },
  {
    name: 'only notes down the new limits',
    caughtBy: 'a program is held to the limit that it was given while it ran',
    mutate: (context) => broken(context, () => ({ updateContainer: async () => undefined })),
  },
];
