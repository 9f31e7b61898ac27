import { posix } from 'node:path';
import type { ContainerConfig, ContainerResources, ContainerSecurity, Mount } from '@orrery/core';
import { OrreryError } from '@orrery/core';
import { encodeLabels } from '../identity/labels.js';
import type { SandboxIdentity } from '../identity/labels.js';
import { containerName } from '../identity/names.js';
import type { DockerPolicy } from './policy.js';
import { bareCapability, checkContainerPolicy } from './policy.js';
import type { CreatePlan } from './sandbox.js';

/** What a container is planned from, beside its config. */
export interface ContainerSetting {
  readonly owner: string;
  readonly sandboxId: string;
  readonly sandbox: SandboxIdentity;
  readonly policy: DockerPolicy;
  /** The config's mounts with links followed. */
  readonly mounts: readonly Mount[];
  /** The text of a `Localhost` seccomp profile. */
  readonly seccompProfile?: string;
  /** The image's user (`app`, `1000:1000`), for a config that sets only a group. */
  readonly imageUser?: string;
  /** See {@link lowestOomScore}. */
  readonly lowestOomScore: number;
  readonly logs: { readonly maxBytes: number; readonly maxFiles: number };
}

const PROPAGATION = { None: 'rprivate', HostToContainer: 'rslave', Bidirectional: 'rshared' } as const;

/**
 * The create call of a container. Every field is written here from a checked value; nothing of the config is passed through.
 * Throws `FORBIDDEN` for what the policy does not allow, `INVALID` for what cannot be written.
 */
export function planContainer(config: ContainerConfig, setting: ContainerSetting): CreatePlan {
  const { owner, sandboxId, sandbox, policy, mounts, logs } = setting;
  checkContainerPolicy(policy, config);
  const { name, attempt, image, command, args, labels, annotations, tty, stdin, security } = config;
  const user = userOf(security, setting.imageUser);
  return {
    name: containerName(owner, name, sandbox.pod, sandboxId, attempt),
    body: {
      Image: image,
      // Absent means the image's own; with an entry point of ours the image's arguments do not apply, as in Kubernetes.
      ...(command.length === 0 ? {} : { Entrypoint: [...command] }),
      ...(args.length === 0 ? {} : { Cmd: [...args] }),
      Env: environment(config.env),
      ...(config.workingDir === undefined ? {} : { WorkingDir: absolute('workingDir', config.workingDir) }),
      ...(user === undefined ? {} : { User: user }),
      Labels: encodeLabels(owner, { kind: 'container', pod: sandbox.pod, attempt, name, sandboxId, image, labels, annotations }),
      Tty: tty,
      OpenStdin: stdin,
      StdinOnce: stdin && config.stdinOnce === true,
      ...(config.stopSignal === undefined ? {} : { StopSignal: signalName(config.stopSignal) }),
      // Probes are the agent's; the image's own would only cost.
      Healthcheck: { Test: ['NONE'] },
      HostConfig: {
        NetworkMode: `container:${sandboxId}`,
        IpcMode: sandbox.sharing.ipc === 'host' ? 'host' : `container:${sandboxId}`,
        PidMode: pidMode(config, setting),
        ...(sandbox.sharing.network === 'host' ? { UTSMode: 'host' } : {}),
        Mounts: mounts.map(engineMount),
        ...engineResources(config.resources, setting.lowestOomScore),
        ...confinement(security, setting.seccompProfile),
        Devices: (config.devices ?? []).map(({ hostPath, containerPath, permissions }) => ({
          PathOnHost: absolute('devices', hostPath),
          PathInContainer: absolute('devices', containerPath),
          CgroupPermissions: devicePermissions(permissions),
        })),
        RestartPolicy: { Name: 'no' },
        AutoRemove: false,
        Init: false,
        LogConfig: { Type: 'json-file', Config: { 'max-size': String(logs.maxBytes), 'max-file': String(logs.maxFiles) } },
      },
    },
  };
}

function pidMode({ targetContainerId }: ContainerConfig, { sandbox, sandboxId }: ContainerSetting): string {
  if (targetContainerId !== undefined) return `container:${targetContainerId}`;
  return sandbox.sharing.pid === 'host' ? 'host' : sandbox.sharing.pid === 'pod' ? `container:${sandboxId}` : '';
}

/** `user[:group]`. The engine takes no group alone. */
function userOf({ runAsUser, runAsGroup }: ContainerSecurity, imageUser: string | undefined): string | undefined {
  if (runAsGroup === undefined) return runAsUser === undefined ? undefined : numericId('runAsUser', runAsUser);
  const user = runAsUser === undefined ? imageUser?.split(':')[0] || '0' : numericId('runAsUser', runAsUser);
  return `${user}:${numericId('runAsGroup', runAsGroup)}`;
}

function numericId(field: string, id: number): string {
  if (!Number.isInteger(id) || id < 0 || id > 2 ** 31 - 1) throw new OrreryError('INVALID', `securityContext.${field}: ${id} is no id.`, { field: `securityContext.${field}` });
  return String(id);
}

/** Each name once, with its last value. */
function environment(env: ContainerConfig['env']): string[] {
  const last = new Map<string, string>();
  for (const { name, value } of env) {
    if (name === '' || /[=\0]/.test(name) || value.includes('\0')) throw new OrreryError('INVALID', `env: "${name.slice(0, 64)}" is no name of a variable, or its value holds a zero byte.`, { field: 'env' });
    last.set(name, value);
  }
  return [...last].map(([name, value]) => `${name}=${value}`);
}

function engineMount({ hostPath, containerPath, readOnly, propagation = 'None' }: Mount): object {
  return { Type: 'bind', Source: hostPath, Target: absolute('volumeMounts.mountPath', containerPath), ReadOnly: readOnly, BindOptions: { Propagation: PROPAGATION[propagation] } };
}

function absolute(field: string, path: string): string {
  if (!posix.isAbsolute(path) || path.includes('\0') || path.split('/').includes('..')) throw new OrreryError('INVALID', `${field}: "${path.slice(0, 256)}" must be absolute and without "..".`, { field });
  return path;
}

/** Limits as the engine takes them. Throws `INVALID` for what is no whole number. */
export function engineResources({ cpuShares, cpuQuota, cpuPeriod, memoryLimitBytes, pidsLimit, oomScoreAdj }: ContainerResources, lowestOomScore: number): Record<string, number> {
  const set = {
    CpuShares: cpuShares,
    CpuQuota: cpuQuota,
    CpuPeriod: cpuPeriod,
    Memory: memoryLimitBytes,
    // Memory and swap together: no swap beyond the limit.
    MemorySwap: memoryLimitBytes,
    PidsLimit: pidsLimit,
    OomScoreAdj: oomScoreAdj === undefined ? undefined : Math.max(oomScoreAdj, lowestOomScore),
  };
  const given = Object.entries(set).filter((entry): entry is [string, number] => entry[1] !== undefined);
  for (const [field, value] of given) if (!Number.isSafeInteger(value)) throw new OrreryError('INVALID', `resources: ${field} must be a whole number.`, { field: 'resources' });
  return Object.fromEntries(given);
}

function confinement(security: ContainerSecurity, seccompProfile: string | undefined): Record<string, unknown> {
  const { readOnlyRootFilesystem = false, privileged = false, allowPrivilegeEscalation, supplementalGroups = [], addCapabilities = [], dropCapabilities = [], seccomp, procMount } = security;
  return {
    Privileged: privileged,
    ReadonlyRootfs: readOnlyRootFilesystem,
    CapAdd: addCapabilities.map(bareCapability),
    CapDrop: dropCapabilities.map(bareCapability),
    GroupAdd: supplementalGroups.map((group) => numericId('supplementalGroups', group)),
    SecurityOpt: [
      ...(allowPrivilegeEscalation === false ? ['no-new-privileges'] : []),
      ...(seccomp?.type === 'Unconfined' ? ['seccomp=unconfined'] : []),
      ...(seccompProfile === undefined ? [] : [`seccomp=${seccompProfile}`]),
    ],
    ...(procMount === 'Unmasked' ? { MaskedPaths: [], ReadonlyPaths: [] } : {}),
  };
}

function devicePermissions(permissions: string): string {
  if (!/^[rwm]{1,3}$/.test(permissions)) throw new OrreryError('INVALID', 'devices: permissions are a subset of rwm.', { field: 'devices' });
  return permissions;
}

/** A signal as the engine takes it: a name, or a number. */
export function signalName(signal: string): string {
  const name = signal.toUpperCase();
  if (!/^(SIG)?[A-Z0-9+-]{2,12}$|^\d{1,2}$/.test(name)) throw new OrreryError('INVALID', `stopSignal: "${signal.slice(0, 32)}" is no signal.`, { field: 'stopSignal' });
  return name;
}
