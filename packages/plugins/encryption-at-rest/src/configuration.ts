import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { errorMessage, OrreryError } from '@orrery/core';
import { z } from 'zod';
import type { KeyService } from './key-encryption.js';

const name = z.string().regex(/^[a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?$/, 'must be 1 to 63 letters, digits, ".", "_" and "-"');
const isFunction = (value: unknown): boolean => typeof value === 'function';

/** A way to keep values. `identity` keeps them as they are. */
const provider = z.union([
  z.strictObject({
    aesgcm: z.strictObject({
      /** Kept with each value, so never reuse it for another key. */
      name,
      /** 32 random bytes in base64, as `head -c 32 /dev/urandom | base64` prints them. */
      secret: z.string().optional(),
      /** A file with such a text, for its owner only. */
      file: z.string().min(1).optional(),
    }),
  }),
  z.strictObject({
    kms: z.strictObject({
      name,
      wrap: z.custom<KeyService['wrap']>(isFunction, 'must be a function'),
      unwrap: z.custom<KeyService['unwrap']>(isFunction, 'must be a function'),
      /** Milliseconds a call may take. */
      timeoutMs: z.int().min(1).max(60_000).default(3_000),
    }),
  }),
  z.strictObject({ identity: z.strictObject({}) }),
]);

/** Options of the plugin, in the manner of `EncryptionConfiguration` of kube-apiserver. */
export const encryptionOptions = z.strictObject({
  /** The first entry that names a resource is for it; what none names is kept as it is. */
  resources: z
    .array(
      z.strictObject({
        /** `secrets`, `widgets.example.com`, `*.example.com` (a group), `*.` (the core group), `*.*` (everything). */
        resources: z.array(z.string().regex(/^(?:\*|[a-z0-9-]{1,63})(?:\.(?:\*|[a-z0-9.-]{0,253}))?$/)).min(1),
        /** The first one writes; all read. */
        providers: z.array(provider).min(1),
      }),
    )
    .min(1),
  /** Values encrypted with one data key at most. */
  valuesPerDataKey: z.int().min(1).max(2 ** 24).default(1_000_000),
});

/** Parsed options. */
export type EncryptionOptions = z.output<typeof encryptionOptions>;
/** One provider of the options. */
export type ProviderOptions = EncryptionOptions['resources'][number]['providers'][number];

/** Whether an entry's resource is meant: `group` '' is the core group; undefined: the key belongs to no object. */
export function names(pattern: string, resource: { readonly group: string; readonly resource: string } | undefined): boolean {
  if (pattern === '*.*') return true;
  if (resource === undefined) return false;
  const dot = pattern.indexOf('.');
  const plural = dot === -1 ? pattern : pattern.slice(0, dot);
  const group = dot === -1 ? '' : pattern.slice(dot + 1);
  return (plural === '*' || plural === resource.resource) && (group === '*' || group === resource.group);
}

/** The bytes of a key from the options or its file. Throws `OPTIONS_INVALID` naming the key, never showing it. */
export function keyBytes(options: { readonly name: string; readonly secret?: string | undefined; readonly file?: string | undefined }): Uint8Array {
  const { name, secret, file } = options;
  if ((secret === undefined) === (file === undefined)) throw invalid(name, 'needs either "secret" or "file"');
  const text = (secret ?? readKeyFile(name, file as string)).trim();
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length !== 32 || bytes.toString('base64') !== text) throw invalid(name, 'must be exactly 32 bytes in base64');
  return bytes;
}

/** Opened once and looked at by its descriptor, so that what was checked is what is read. */
function readKeyFile(name: string, file: string): string {
  try {
    const fd = openSync(file, constants.O_RDONLY);
    try {
      const stats = fstatSync(fd);
      if (!stats.isFile() || stats.size > 4_096) throw invalid(name, `is in ${file}, which is no small file`);
      if (process.platform !== 'win32' && (stats.mode & 0o077) !== 0) throw invalid(name, `is in ${file}, which other users can read or write; do "chmod 600"`);
      return readFileSync(fd, 'utf8');
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (OrreryError.is(error)) throw error;
    throw invalid(name, `cannot be read from ${file} (${errorMessage(error)})`, error);
  }
}

/** The error for a key that cannot be used. */
export const invalid = (name: string, what: string, cause?: unknown): OrreryError => new OrreryError('OPTIONS_INVALID', `The encryption key "${name}" ${what}.`, { key: name }, cause);
