import { homedir, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { LEVELS } from '../stream-logger.js';
import { nodeNameOf } from '../node-name.js';
import { settingsFrom } from '../settings-from.js';
import { otlpEndpoint } from '../traces.js';
import { checkOidc, oidcSettings } from './oidc.js';

const path = z.string().min(1).max(4096).transform((text) => resolve(text));
const hostName = z.string().max(253).regex(/^[A-Za-z0-9](?:[A-Za-z0-9.:-]*[A-Za-z0-9])?$/, 'must be a host name or an address');

const settings = z
  .strictObject({
  data: path.prefault(join(homedir(), '.orrery')),
  store: z.string().regex(/^(memory|sqlite(:.+)?|(redis|rediss|etcd):\/\/.+)$/s, 'must be memory, sqlite, sqlite:FILE, redis://…, rediss://… or etcd://…').default('sqlite'),
  runtime: z.enum(['process', 'docker', 'simulated']).default('process'),
  proxy: z.enum(['userspace', 'none']).default('userspace'),
  nodes: z.int().min(0).max(1_000).default(1),
  nodeGrace: z.number().positive().max(86_400).default(50),
  listen: z
    .string()
    .regex(/^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):\d{1,5}$/, 'must be HOST:PORT')
    .default('127.0.0.1:6443')
    .transform((text) => ({ host: text.slice(0, text.lastIndexOf(':')).replace(/^\[|\]$/g, ''), port: Number(text.slice(text.lastIndexOf(':') + 1)) }))
    .refine(({ port }) => port <= 65_535, 'the port must be at most 65535'),
  name: z.array(hostName).max(100).default([]),
  kubeconfig: path.optional(),
  auditLog: path.optional(),
  otlpEndpoint: otlpEndpoint.optional(),
  otlpRatio: z.number().min(0).max(1).default(1),
  ...oidcSettings,
  certDays: z.number().min(0.0001).max(3_650).default(365),
  onExit: z.enum(['leave', 'remove']).optional(),
  log: z.enum([...LEVELS, 'none']).default('warn'),
  logFormat: z.enum(['text', 'json']).default('text'),
})
  .superRefine(checkOidc);

/** What `orrery up` is to do, checked and complete. */
export interface UpSettings extends Omit<z.output<typeof settings>, 'kubeconfig' | 'onExit'> {
  readonly kubeconfig: string;
  readonly onExit: 'leave' | 'remove';
  /** What the first node is called; more are numbered. */
  readonly nodeName: string;
}

/** Settings from the command line, over those of the file that `config` names, over the defaults. Throws `UsageError`, which names what is wrong. */
export async function readSettings(options: Readonly<Record<string, unknown>>): Promise<UpSettings> {
  const { kubeconfig, onExit, ...rest } = await settingsFrom(settings, options);
  return { ...rest, kubeconfig: kubeconfig ?? join(rest.data, 'kubeconfig'), onExit: onExit ?? (rest.store === 'memory' ? 'remove' : 'leave'), nodeName: nodeNameOf(hostname()) };
}
