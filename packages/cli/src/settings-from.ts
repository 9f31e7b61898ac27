import { readFile } from 'node:fs/promises';
import { ApiError, readDocument } from '@orrery/core';
import type { z } from 'zod';
import { UsageError } from './usage-error.js';

/** Settings from the command line, over those of the file that `config` names, over the schema's defaults. Throws `UsageError`, which names what is wrong. */
export async function settingsFrom<Schema extends z.ZodType>(schema: Schema, { config, ...flags }: Readonly<Record<string, unknown>>): Promise<z.output<Schema>> {
  const fromFile = config === undefined ? {} : await readConfig(String(config));
  const parsed = schema.safeParse({ ...fromFile, ...flags });
  if (!parsed.success) throw new UsageError(parsed.error.issues.map((issue) => `${nameOf(issue, flags)}${issue.message}`).join('\n       '));
  return parsed.data;
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
