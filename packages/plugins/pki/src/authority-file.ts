import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmod, link, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { OrreryError, type Random } from '@orrery/core';
import type { KeyPair } from './authority.js';

/**
 * The pair in a file, which `make` makes when it is not there: the whole file appears at once, so that of several processes all read the first one's.
 * Throws `INVALID` for a file that others may read, or without a pair that belongs together.
 */
export async function readOrMake(file: string, make: () => Promise<KeyPair>, random: Random): Promise<KeyPair> {
  const known = await read(file);
  if (known !== undefined) return known;
  const { key, cert } = await make();
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const own = `${file}.${Buffer.from(random.bytes(8)).toString('hex')}`;
  try {
    await writeFile(own, key + cert, { mode: 0o600, flag: 'wx', flush: true });
    // Whatever the umask took away or left.
    await chmod(own, 0o600);
    await link(own, file).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
  } finally {
    await rm(own, { force: true });
  }
  return (await read(file)) ?? { key, cert };
}

async function read(file: string): Promise<KeyPair | undefined> {
  let text: string;
  try {
    const { mode } = await stat(file);
    if ((mode & 0o077) !== 0) throw new OrreryError('INVALID', `${file} holds the key of a certificate authority and may be read by others than its owner; its mode must be 0600.`);
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  const [, key] = /(-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----)/.exec(text) ?? [];
  const [, cert] = /(-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----)/.exec(text) ?? [];
  if (key === undefined || cert === undefined) throw new OrreryError('INVALID', `${file} must hold a private key (PKCS#8) and a certificate, both as PEM.`);
  if (!isPair(key, cert)) throw new OrreryError('INVALID', `The key and the certificate in ${file} do not belong together, or the certificate is not one of an authority.`);
  return { key: `${key}\n`, cert: `${cert}\n` };
}

function isPair(key: string, cert: string): boolean {
  try {
    const parsed = new X509Certificate(cert);
    return parsed.ca && parsed.checkPrivateKey(createPrivateKey(key));
  } catch {
    // What cannot be read is no pair either; the error above says which file.
    return false;
  }
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;
