import type { PortMapping, SandboxConfig } from '@orrery/core';
import { OrreryError } from '@orrery/core';
import { encodeLabels } from '../identity/labels.js';
import type { Sharing } from '../identity/labels.js';
import { sandboxName } from '../identity/names.js';
import type { DockerPolicy } from './policy.js';
import { checkSandboxPolicy } from './policy.js';

/** A create call: the engine-side name and the body. The body holds what this file and its neighbour write, and nothing else. */
export interface CreatePlan {
  readonly name: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** What a sandbox is planned from, beside its config. */
export interface SandboxSetting {
  readonly owner: string;
  /** Id of the image that does nothing. */
  readonly imageId: string;
  /** The engine's network: `bridge`, `none` or the name of one. */
  readonly network: string;
  readonly policy: DockerPolicy;
  /** See {@link lowestOomScore}. */
  readonly lowestOomScore: number;
}

/** The kubelet's oom_score_adj of sandboxes: killed last. */
const SANDBOX_OOM_SCORE_ADJ = -998;

/** Which namespaces containers in this sandbox get. */
export function sharingOf({ hostNetwork, pidNamespace = 'container', ipcNamespace = 'pod' }: SandboxConfig): Sharing {
  return { network: hostNetwork ? 'host' : 'pod', pid: pidNamespace, ipc: ipcNamespace };
}

/**
 * The create call of a sandbox: a container that does nothing, without any right, and owns what the pod's containers share.
 * Throws `FORBIDDEN` for what the policy does not allow, `INVALID` for what cannot be written.
 */
export function planSandbox(config: SandboxConfig, { owner, imageId, network, policy, lowestOomScore }: SandboxSetting): CreatePlan {
  checkSandboxPolicy(policy, config);
  const { pod, attempt, labels, annotations, hostNetwork } = config;
  const sharing = sharingOf(config);
  const ports = hostNetwork ? [] : config.hostPorts;
  return {
    name: sandboxName(owner, pod, attempt),
    body: {
      Image: imageId,
      // With the host's network the name is the host's too, as in Kubernetes.
      ...(hostNetwork ? {} : { Hostname: checkedHostname(config.hostname) }),
      // The kernel makes loopback alone; through the engine's own networking it takes twice as long.
      ...(!hostNetwork && network === 'none' ? { NetworkDisabled: true } : {}),
      Labels: encodeLabels(owner, { kind: 'sandbox', pod, attempt, labels, annotations, sharing }),
      Healthcheck: { Test: ['NONE'] },
      ...(ports.length === 0 ? {} : { ExposedPorts: Object.fromEntries(ports.map((port) => [portKey(port), {}])) }),
      HostConfig: {
        NetworkMode: hostNetwork ? 'host' : network,
        IpcMode: sharing.ipc === 'host' ? 'host' : 'shareable',
        ...(hostNetwork ? { UTSMode: 'host' } : {}),
        ...(config.dns === undefined ? {} : { Dns: config.dns.servers.map(word), DnsSearch: config.dns.searches.map(word), DnsOptions: config.dns.options.map(word) }),
        ...(ports.length === 0 ? {} : { PortBindings: bindings(ports) }),
        ...(config.sysctls === undefined ? {} : { Sysctls: { ...config.sysctls } }),
        RestartPolicy: { Name: 'no' },
        AutoRemove: false,
        Init: false,
        ReadonlyRootfs: true,
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges'],
        CpuShares: 2,
        OomScoreAdj: Math.max(SANDBOX_OOM_SCORE_ADJ, lowestOomScore),
        // It says nothing; were it to, nothing grows.
        LogConfig: { Type: 'none', Config: {} },
      },
    },
  };
}

function bindings(ports: readonly PortMapping[]): Record<string, { HostIp: string; HostPort: string }[]> {
  const all: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const port of ports) (all[portKey(port)] ??= []).push({ HostIp: port.hostIP ?? '', HostPort: String(checkedPort(port.hostPort)) });
  return all;
}

function portKey({ containerPort, protocol }: PortMapping): string {
  return `${checkedPort(containerPort)}/${protocol.toLowerCase()}`;
}

function checkedPort(port: number): number {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new OrreryError('INVALID', `ports: ${port} is no port.`, { field: 'ports' });
  return port;
}

function checkedHostname(hostname: string): string {
  if (!/^[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?$/.test(hostname)) throw new OrreryError('INVALID', 'hostname: not a host name of at most 64 characters.', { field: 'hostname' });
  return hostname;
}

/** One word of resolv.conf: anything else would write lines of its own. */
function word(text: string): string {
  if (!/^[\x21-\x7e]{1,253}$/.test(text)) throw new OrreryError('INVALID', 'dnsConfig: servers, searches and options are words without spaces.', { field: 'dnsConfig' });
  return text;
}
