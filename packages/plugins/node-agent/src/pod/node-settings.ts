import type { Device } from '@orrery/core';
import { z } from 'zod';
import { policySchema } from '../policy/policy.js';

const absolute = z.string().regex(/^\/(?!.*(?:^|\/)\.\.(?:\/|$))[^\0]{0,4095}$/, 'must be an absolute path without ".."');
const sysctlPattern = z.string().regex(/^(?:[a-z0-9][a-z0-9_.-]*)(?:\*)?$/, 'must be the name of a sysctl, or a prefix of names ending in "*"');

/** Options of the plugin that say what pods of a node get, and what they may ask for. */
export const nodeSettingsFields = {
  /** What pods may ask for beyond the ordinary. Default: nothing. */
  policy: policySchema.prefault({}),
  /** Unsafe sysctls that pods may set: names, or prefixes ending in `*`. */
  allowedUnsafeSysctls: z.array(sysctlPattern).default([]),
  /** Addresses of the cluster's DNS; without any, `ClusterFirst` means `Default`. */
  clusterDNS: z.array(z.ipv4().or(z.ipv6())).max(3).default([]),
  clusterDomain: z.string().regex(/^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/, 'must be a DNS-1123 subdomain').default('cluster.local'),
  /** Where pods reach the API server: told to them as `KUBERNETES_SERVICE_HOST` and `…_PORT`, unless there is a Service `kubernetes` in the namespace `default`. */
  apiServer: z.strictObject({ host: z.string().min(1).max(253), port: z.int().min(1).max(65_535) }).optional(),
  /** Where the node's resolver is configured; '' for nowhere. */
  resolvConf: absolute.or(z.literal('')).default('/etc/resolv.conf'),
  /** Processes and threads that a container may have at once. */
  podPidsLimit: z.number().int().positive().optional(),
  /** Devices of the machine by the extended resource that stands for them: a container that is limited to some of it gets them all. */
  devices: z
    .record(z.string(), z.array(z.strictObject({ hostPath: absolute, containerPath: absolute, permissions: z.string().regex(/^r?w?m?$/).min(1).default('rw') })))
    .default({}),
};

const schema = z.strictObject(nodeSettingsFields);

/** What an administrator fixes for all pods of a node. */
export type NodeSettings = z.output<typeof schema>;

/** Completes and checks settings. Throws a ZodError that names the option. */
export const nodeSettings = (given: z.input<typeof schema> = {}): NodeSettings => schema.parse(given);

/** The devices a container gets. Pure. */
export function devicesOf(limits: Readonly<Record<string, string>> | undefined, { devices }: Pick<NodeSettings, 'devices'>): readonly Device[] {
  return Object.keys(limits ?? {}).flatMap((resource) => (Object.hasOwn(devices, resource) ? (devices[resource] ?? []) : []));
}
