import { readFile } from 'node:fs/promises';
import { homedir, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { ApiError, readDocument } from '@orrery/core';
import { z } from 'zod';
import { LEVELS } from '../stream-logger.js';
import { UsageError } from '../usage-error.js';

const path = z.string().min(1).max(4096).transform((text) => resolve(text));
const hostName = z.string().max(253).regex(/^[A-Za-z0-9](?:[A-Za-z0-9.:-]*[A-Za-z0-9])?$/, 'must be a host name or an address');

const settings = z.strictObject({
  data: path.prefault(join(homedir(), '.orrery')),
  store: z.string().regex(/^(memory|sqlite(:.+)?|(redis|rediss|etcd):\/\/.+)$/s, 'must be memory, sqlite, sqlite:FILE, redis://…, rediss://… or etcd://…').default('sqlite'),
  runtime: z.enum(['process', 'docker', 'simulated']).default('process'),
  proxy: z.enum(['userspace', 'none']).default('userspace'),
  nodes: z.int().min(0).max(1_000).default(1),
  listen: z
    .string()
    .regex(/^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):\d{1,5}$/, 'must be HOST:PORT')
    .default('127.0.0.1:6443')
    .transform((text) => ({ host: text.slice(0, text.lastIndexOf(':')).replace(/^\[|\]$/g, ''), port: Number(text.slice(text.lastIndexOf(':') + 1)) }))
    .refine(({ port }) => port <= 65_535, 'the port must be at most 65535'),
  name: z.array(hostName).max(100).default([]),
  kubeconfig: path.optional(),
  onExit: z.enum(['leave', 'remove']).optional(),
  log: z.enum([...LEVELS, 'none']).default('warn'),
  logFormat: z.enum(['text', 'json']).default('text'),
});

/** What `orrery up` is to do, checked and complete. */
export interface UpSettings extends Omit<z.output<typeof settings>, 'kubeconfig' | 'onExit'> {
  readonly kubeconfig: string;
  readonly onExit: 'leave' | 'remove';
  /** What the first node is called; more are numbered. */
  readonly nodeName: string;
}

/** Settings from the command line, over those of the file that `config` names, over the defaults. Throws `UsageError`, which names what is wrong. */
export async function readSettings({ config, ...flags }: Readonly<Record<string, unknown>>): Promise<UpSettings> {
  const fromFile = config === undefined ? {} : await readConfig(String(config));
  const parsed = settings.safeParse({ ...fromFile, ...flags });
  if (!parsed.success) throw new UsageError(parsed.error.issues.map((issue) => `${nameOf(issue, flags)}${issue.message}`).join('\n       '));
  const { kubeconfig, onExit, ...rest } = parsed.data;
  const nodeName = hostname().toLowerCase().replace(/[^a-z0-9.-]/g, '-').replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '') || 'node';
  return { ...rest, kubeconfig: kubeconfig ?? join(rest.data, 'kubeconfig'), onExit: onExit ?? (rest.store === 'memory' ? 'remove' : 'leave'), nodeName };
}

async function readConfig(file: string): Promise<object> {
  let value: unknown;
  try {
    value = await readDocument(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new UsageError(`--config ${file}: ${ApiError.is(cause) || cause instanceof Error ? cause.message : String(cause)}`);
  }
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new UsageError(`--config ${file}: it must be a map of settings`);
  return value;
}

/** Where a problem is: the option as it is written on the command line, or the key in the file. */
function nameOf({ path: at }: { readonly path: readonly PropertyKey[] }, flags: Readonly<Record<string, unknown>>): string {
  const [first, ...more] = at.map(String);
  if (first === undefined) return '';
  const name = first in flags ? `--${first.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}` : first;
  return `${[name, ...more].join('.')}: `;
}
