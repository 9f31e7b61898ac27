import { createHash } from 'node:crypto';
import { linkSync } from 'node:fs';
import { layout } from '../shared/layout.js';
import type { HelperOptions } from '../shared/layout.js';
import { parseJson } from '../shared/protocol.js';
import { Addresses } from './addresses.js';
import { BestEffort } from './best-effort.js';
import { detectCgroups, removeSharedCgroups } from './cgroups.js';
import { claim } from './claim.js';
import { readIfPresent, removeTree, writeAtomically } from './disk.js';
import { messageOf, tolerate } from './failure.js';
import { FifoPool } from './fifo-pool.js';
import { Journal } from './journal.js';
import { Machine } from './machine.js';
import { now, randomId, timer } from './platform.js';
import { bootId } from './proc.js';
import { HelperServer } from './server.js';
import { Sweeper } from './sweeper.js';

// The helper: starts and watches processes for one state directory. It stays small, so that starting a process is cheap, and lives on when
// its host dies, so that nothing has to be started twice. Says one line on its standard output: `ready`, `busy` (another helper has this
// directory) or why it cannot run.

interface Instance {
  /** Names the lock; random, so that nobody else can hold it. */
  readonly key: string;
  /** The address block held last. */
  readonly podCIDR?: string;
}

/** A host that started a helper connects to it at once, even on a busy machine within so long. */
const FIRST_VISIT_MS = 10_000;

async function main(options: HelperOptions): Promise<void> {
  const { stateDir } = options;
  const complain = (message: string): void => console.error(`${new Date(now()).toISOString()} ${message}`);
  // Survives what nobody foresaw: containers must not lose their keeper to one bad request. It is written down.
  process.on('uncaughtException', (error) => complain(`Unexpected: ${error.stack ?? error.message}`));
  process.on('unhandledRejection', (error) => complain(`Unexpected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`));
  // A terminal's interrupt goes to the whole session of the host; the helper has its own, and ends only by its own rules.
  process.on('SIGHUP', () => complain('SIGHUP is ignored.'));

  const instance = loadInstance(stateDir);
  const lock = await claim(`orrery-helper-${createHash('sha256').update(instance.key).digest('hex').slice(0, 32)}`);
  if (lock === undefined) return say('busy');

  const addresses = await Addresses.open(options.podCIDR, instance.podCIDR, createHash('sha256').update(instance.key).digest().readUInt16BE(0));
  writeAtomically(layout.instance(stateDir), JSON.stringify({ ...instance, podCIDR: addresses.range.cidr }));
  const journal = new Journal(stateDir, complain);
  const fifos = new FifoPool(layout.fifos(stateDir), new Set([...journal.containers.values()].flatMap(({ pipes }) => (pipes === undefined ? [] : [pipes.stdout, pipes.stderr]))));
  void fifos.fill();
  const cgroups = options.cgroups === 'off' ? undefined : detectCgroups(readIfPresent('/proc/self/mountinfo') ?? '', readIfPresent('/proc/self/cgroup') ?? '');
  const boot = bootId();
  const machine: Machine = new Machine(
    {
      stateDir,
      journal,
      fifos,
      sweeper: new Sweeper(),
      cgroups,
      bestEffort: cgroups === undefined ? undefined : new BestEffort(cgroups, boot, complain),
      logLimits: options,
      boot,
      complain,
      announce: (event) => {
        server.announce(event);
        considerLeaving();
      },
    },
    addresses,
  );

  let connected = 0;
  let served = false;
  let stopLinger = (): void => undefined;
  const leave = (): void => {
    server.close();
    if (cgroups !== undefined) removeSharedCgroups(cgroups);
    process.exit(0);
  };
  /** With nobody connected and nothing running the helper is of no use; the next host starts another, which reads the records. */
  const considerLeaving = (): void => {
    stopLinger();
    // Whoever started this helper has yet to come.
    const lingerMs = served ? options.lingerMs : Math.max(options.lingerMs, FIRST_VISIT_MS);
    if (connected === 0 && !machine.busy) stopLinger = timer(lingerMs, () => (machine.busy ? considerLeaving() : leave()));
  };
  const server = new HelperServer(machine, options.socketPath, {
    connections(count) {
      connected = count;
      served ||= count > 0;
      considerLeaving();
    },
    destroyed() {
      leave();
    },
    complain,
  });

  machine.recover();
  await server.listen();
  considerLeaving();
  say('ready');
}

function loadInstance(stateDir: string): Instance {
  const text = readIfPresent(layout.instance(stateDir));
  if (text !== undefined) return parseJson(text) as Instance;
  const instance = { key: randomId() };
  // Two helpers may come here together; the one whose link comes first decides for both.
  const draft = `${layout.instance(stateDir)}.${instance.key}`;
  writeAtomically(draft, JSON.stringify(instance));
  tolerate(['EEXIST'], () => linkSync(draft, layout.instance(stateDir)));
  removeTree(draft);
  return loadInstance(stateDir);
}

function say(word: string): void {
  process.stdout.write(`${word}\n`);
}

try {
  await main(parseJson(process.argv[2] ?? '') as HelperOptions);
} catch (error) {
  say(`failed ${JSON.stringify({ message: messageOf(error) })}`);
  process.exitCode = 1;
}
