import { generateKeyPairSync } from 'node:crypto';
import { chmod, link, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { OrreryError, type Random } from '@orrery/core';

/**
 * The PEMs in a file. Where there is none it is made with a new key (ECDSA P-256): the whole file appears at once, mode 0600, so that of several processes all read the first one's.
 * Throws `INVALID` for a file that others may read.
 */
export async function readOrMakeKeys(file: string, random: Random): Promise<string> {
  const known = await read(file);
  if (known !== undefined) return known;
  const made = newKey();
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const own = `${file}.${Buffer.from(random.bytes(8)).toString('hex')}`;
  try {
    await writeFile(own, made, { mode: 0o600, flag: 'wx', flush: true });
    // Whatever the umask took away or left.
    await chmod(own, 0o600);
    await link(own, file).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
  } finally {
    await rm(own, { force: true });
  }
  return (await read(file)) ?? made;
}

/** A new private key (PKCS#8, PEM), from the platform's source of secrets. */
export const newKey = (): string => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

async function read(file: string): Promise<string | undefined> {
  try {
    const { mode } = await stat(file);
    if ((mode & 0o077) !== 0) throw new OrreryError('INVALID', `${file} holds the key that tokens are signed with and may be read by others than its owner; its mode must be 0600.`);
    return await readFile(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;
