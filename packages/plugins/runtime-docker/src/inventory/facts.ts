import type { ContainerResources, RuntimeContainerStatus, SandboxStatus } from '@orrery/core';
import type { ContainerInspectInfo } from 'dockerode';
import { boundedWords } from '../engine/errors.js';
import type { ContainerIdentity, SandboxIdentity } from '../identity/labels.js';

/** What an inspection tells of a container, as far as it matters here. Times are milliseconds since the epoch. */
export interface Facts {
  readonly state: 'created' | 'running' | 'exited' | 'unknown';
  readonly paused: boolean;
  readonly createdAt: number;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  /** The main process on the host; 0 when there is none. */
  readonly pid: number;
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** Why it could not be started, in the engine's words. */
  readonly error: string;
  readonly imageId: string;
  readonly ips: readonly string[];
  readonly tty: boolean;
  readonly stopSignal: string;
  readonly logPath: string;
  /** What it writes beside its volumes, on this machine; '' where the engine does not tell. */
  readonly layerPath: string;
  readonly resources: ContainerResources;
}

/** A container's facts. */
export function factsOf(info: ContainerInspectInfo): Facts {
  const { State: state, Config: config } = info;
  const startedAt = timeOf(state.StartedAt);
  const finishedAt = timeOf(state.FinishedAt);
  return {
    state: stateOf(state.Status),
    paused: state.Paused,
    createdAt: timeOf(info.Created) ?? 0,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
    pid: state.Pid,
    exitCode: state.ExitCode,
    oomKilled: state.OOMKilled,
    error: boundedWords((state as { readonly Error?: string }).Error ?? ''),
    imageId: info.Image,
    ips: addressesOf(info.NetworkSettings?.Networks),
    tty: config.Tty ?? false,
    stopSignal: (config as { readonly StopSignal?: string }).StopSignal ?? '',
    logPath: (info as { readonly LogPath?: string }).LogPath ?? '',
    layerPath: (info as { readonly GraphDriver?: { readonly Data?: { readonly UpperDir?: string } | null } }).GraphDriver?.Data?.UpperDir ?? '',
    resources: resourcesOf(info.HostConfig),
  };
}

/** The engine writes 0 (or null) for what is not limited. */
function resourcesOf(host: Partial<ContainerInspectInfo['HostConfig']> | undefined): ContainerResources {
  const { CpuShares: cpuShares, CpuQuota: cpuQuota, CpuPeriod: cpuPeriod, Memory: memoryLimitBytes, PidsLimit: pidsLimit, OomScoreAdj: oomScoreAdj } = host ?? {};
  const told = { cpuShares, cpuQuota, cpuPeriod, memoryLimitBytes, pidsLimit, oomScoreAdj };
  return Object.fromEntries(Object.entries(told).filter((entry) => typeof entry[1] === 'number' && entry[1] !== 0));
}

/** The engine's word for a state as the contract's. A paused container still runs; one being removed does not. */
export function stateOf(status: string): Facts['state'] {
  switch (status) {
    case 'created':
      return 'created';
    case 'running':
    case 'paused':
    case 'restarting':
      return 'running';
    case 'exited':
    case 'dead':
    case 'removing':
      return 'exited';
    default:
      return 'unknown';
  }
}

/** The engine leaves a container that it could not start `created`, with its reason. */
export function startFailed(facts: Facts): boolean {
  return facts.state === 'created' && facts.error !== '' && facts.exitCode !== 0;
}

/** A sandbox as the contract tells it. */
export function sandboxStatus(id: string, { pod, attempt, labels, annotations, sharing }: SandboxIdentity, facts: Facts): SandboxStatus {
  const ready = facts.state === 'running' && !facts.paused;
  return { id, pod, attempt, state: ready ? 'ready' : 'notReady', ips: ready && sharing.network === 'pod' ? facts.ips : [], createdAt: facts.createdAt, labels, annotations };
}

/** A container as the contract tells it. */
export function containerStatus(id: string, identity: ContainerIdentity, facts: Facts): RuntimeContainerStatus {
  const { pod, name, attempt, image, sandboxId, labels, annotations } = identity;
  const base = { id, sandboxId, pod, name, attempt, image, imageId: facts.imageId, createdAt: facts.createdAt, resources: facts.resources, labels, annotations };
  if (startFailed(facts)) {
    // As the kubelet tells it; it never ran, so both times are that of its making.
    return { ...base, state: 'exited', startedAt: facts.createdAt, finishedAt: facts.createdAt, exitCode: 128, reason: 'StartError', message: facts.error };
  }
  const started = facts.startedAt === undefined ? {} : { startedAt: facts.startedAt };
  if (facts.state !== 'exited') return { ...base, state: facts.state, ...(facts.state === 'running' ? started : {}) };
  const { exitCode } = facts;
  return {
    ...base,
    state: 'exited',
    ...started,
    finishedAt: facts.finishedAt ?? facts.startedAt ?? facts.createdAt,
    exitCode,
    ...(exitCode > 128 && exitCode <= 128 + 64 ? { signal: exitCode - 128 } : {}),
    reason: facts.oomKilled && exitCode !== 0 ? 'OOMKilled' : exitCode === 0 ? 'Completed' : 'Error',
    ...(facts.error === '' ? {} : { message: facts.error }),
  };
}

/** The engine writes the year 1 for "never". */
function timeOf(text: string | undefined): number | undefined {
  if (text === undefined || text.startsWith('0001-')) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}

function addressesOf(networks: Readonly<Record<string, { readonly IPAddress?: string; readonly GlobalIPv6Address?: string } | null>> | undefined | null): string[] {
  return Object.values(networks ?? {})
    .flatMap((network) => [network?.IPAddress, network?.GlobalIPv6Address])
    .filter((address): address is string => address !== undefined && address !== '');
}
