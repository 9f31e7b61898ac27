import type { ContainerConfig, RuntimeContainerStatus as RuntimeContainerStatus, SandboxConfig, SandboxStatus } from '@orrery/core';

// What is kept on disk. A record is enough to find a process again, to know that it is the same one, and to tell how it ended.

/** Raised when a record changes its meaning. */
const RECORD_VERSION = 1;

/** Which process, beyond doubt: a process id is reused, its start time within one boot of the machine is not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/<pid>/stat: clock ticks after boot. */
  readonly startTicks: string;
  /** /proc/sys/kernel/random/boot_id. */
  readonly bootId: string;
}

/** Names in the directory of named pipes. */
export interface OutputPipes {
  readonly stdout: string;
  readonly stderr: string;
}

/** How a container ended. */
export interface Ending {
  readonly finishedAt: number;
  readonly exitCode: number;
  readonly signal?: number;
  readonly reason: string;
  readonly message?: string;
}

/** A container on disk. */
export interface ContainerRecord {
  readonly version: typeof RECORD_VERSION;
  readonly id: string;
  readonly sandboxId: string;
  readonly config: ContainerConfig;
  readonly createdAt: number;
  readonly startedAt?: number;
  /** Present from start; stays after the end. */
  readonly process?: ProcessIdentity;
  /** The named pipes that its output comes through while it runs. */
  readonly pipes?: OutputPipes;
  /** Control group directories made for it. */
  readonly cgroups?: readonly string[];
  readonly ending?: Ending;
}

/** A sandbox on disk. */
export interface SandboxRecord {
  readonly version: typeof RECORD_VERSION;
  readonly id: string;
  readonly config: SandboxConfig;
  readonly createdAt: number;
  readonly state: 'ready' | 'notReady';
  /** Its loopback address while it is ready; none with host network. */
  readonly ip?: string;
}

/** A new container's record. */
export function newContainerRecord(id: string, sandboxId: string, config: ContainerConfig, createdAt: number): ContainerRecord {
  return { version: RECORD_VERSION, id, sandboxId, config, createdAt };
}

/** A new sandbox's record. */
export function newSandboxRecord(id: string, config: SandboxConfig, createdAt: number, ip: string | undefined): SandboxRecord {
  return { version: RECORD_VERSION, id, config, createdAt, state: 'ready', ...(ip === undefined ? {} : { ip }) };
}

/** Checks a record that was read. Throws when it is not one of this version. */
export function checkRecord<T extends ContainerRecord | SandboxRecord>(value: T): T {
  const { version, id, config } = value;
  if (version !== RECORD_VERSION) throw new SyntaxError(`A record of version ${String(version)} is not understood.`);
  if (typeof id !== 'string' || !isId(id) || typeof config !== 'object' || config === null) throw new SyntaxError('A record lacks its id or config.');
  return value;
}

/** Ids are made by the helper: 32 hexadecimal digits. Anything else never reaches a path. */
export function isId(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text);
}

/** The contract's view of a container. */
export function containerStatus(record: ContainerRecord, sandbox: SandboxRecord): RuntimeContainerStatus {
  const { config, ending } = record;
  return {
    id: record.id,
    sandboxId: record.sandboxId,
    pod: sandbox.config.pod,
    name: config.name,
    attempt: config.attempt,
    image: config.image,
    imageId: config.image,
    state: ending !== undefined ? 'exited' : record.process !== undefined ? 'running' : 'created',
    createdAt: record.createdAt,
    ...(record.startedAt === undefined ? {} : { startedAt: record.startedAt }),
    ...(ending ?? {}),
    resources: config.resources,
    labels: config.labels,
    annotations: config.annotations,
  };
}

/** The contract's view of a sandbox. */
export function sandboxStatus(record: SandboxRecord): SandboxStatus {
  return {
    id: record.id,
    pod: record.config.pod,
    attempt: record.config.attempt,
    state: record.state,
    ips: record.ip === undefined ? [] : [record.ip],
    createdAt: record.createdAt,
    labels: record.config.labels,
    annotations: record.config.annotations,
  };
}
