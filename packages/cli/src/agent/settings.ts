import { homedir, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { LEVELS } from '../stream-logger.js';
import { nodeNameOf } from '../node-name.js';
import { settingsFrom } from '../settings-from.js';
import { otlpEndpoint } from '../traces.js';

const path = z.string().min(1).max(4096).transform((text) => resolve(text));
const labels = z
  .array(z.string().max(400).regex(/^[^=\s]+=[^=\s]*$/, 'must be KEY=VALUE'))
  .default([])
  .transform((texts) => Object.fromEntries(texts.map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)])));

const settings = z
  .strictObject({
  join: z.string().regex(/^https:\/\/[^\s/?#]+(\/[^\s?#]*)?$/, 'must be https://HOST:PORT').optional(),
  kubeconfig: path.optional(),
  token: z.string().regex(/^[a-z0-9]{6}\.[a-z0-9]{16}$/, 'must be a bootstrap token').optional(),
  caHash: z.string().regex(/^sha256:[0-9a-fA-F]{64}$/, 'must be sha256: and 64 hexadecimal digits').optional(),
  context: z.string().min(1).optional(),
  data: path.prefault(join(homedir(), '.orrery', 'agent')),
  name: z.string().regex(/^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/, 'must be lower-case letters, digits, "-" and "."').default(nodeNameOf(hostname())),
  label: labels,
  runtime: z.enum(['process', 'docker', 'simulated']).default('process'),
  proxy: z.enum(['userspace', 'none']).default('userspace'),
  hostIp: z.union([z.ipv4(), z.ipv6()], 'must be an address').default('127.0.0.1'),
  port: z.int().min(0).max(65_535).default(10_250),
  clientCa: path.optional(),
  renew: z.number().min(0.1).max(3_600).default(10),
  otlpEndpoint: otlpEndpoint.optional(),
  otlpRatio: z.number().min(0).max(1).default(1),
  onExit: z.enum(['leave', 'remove']).default('leave'),
  log: z.enum([...LEVELS, 'none']).default('warn'),
  logFormat: z.enum(['text', 'json']).default('text'),
})
  .refine(({ token, caHash, join: server, kubeconfig }) => token === undefined || (caHash !== undefined && server !== undefined && kubeconfig === undefined), {
    path: ['token'],
    message: 'needs join, where the API is, and caHash, by which it is trusted; and no kubeconfig',
  });

/** What `orrery agent` is to do, checked and complete. */
export interface AgentSettings extends z.output<typeof settings> {}

/** Settings from the command line, over those of the file that `config` names, over the defaults. Throws `UsageError`, which names what is wrong. */
export const readAgentSettings = (options: Readonly<Record<string, unknown>>): Promise<AgentSettings> => settingsFrom(settings, options);
