import { open, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContainerSecurity } from '@orrery/core';
import { OrreryError, errorMessage } from '@orrery/core';
import { isWithin } from './mounts.js';

/** A profile is a few kilobytes; above this it is not one. */
const MAX_PROFILE_BYTES = 1024 * 1024;

/**
 * The text of a `Localhost` profile, read from below the node's profile directory, as the kubelet does; undefined for the other types.
 * Throws `INVALID` when it leaves the directory, does not exist or is not a JSON object.
 */
export async function readSeccompProfile(seccomp: ContainerSecurity['seccomp'], root: string): Promise<string | undefined> {
  if (seccomp?.type !== 'Localhost') return undefined;
  const invalid = (why: string, cause?: unknown): OrreryError =>
    new OrreryError('INVALID', `securityContext.seccompProfile.localhostProfile: "${seccomp.profile}" ${why}.`, { field: 'securityContext.seccompProfile.localhostProfile' }, cause);
  if (seccomp.profile === '' || seccomp.profile.startsWith('/') || seccomp.profile.includes('\0') || seccomp.profile.split('/').includes('..')) throw invalid('must be a path below the profile directory');
  let text: string;
  try {
    const path = await realpath(join(root, seccomp.profile));
    if (!isWithin(path, await realpath(root))) throw invalid('leads out of the profile directory');
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size > MAX_PROFILE_BYTES) throw invalid('is too large');
      text = await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    throw OrreryError.is(error) ? error : invalid(`cannot be read: ${errorMessage(error)}`, error);
  }
  try {
    const profile: unknown = JSON.parse(text);
    if (typeof profile !== 'object' || profile === null || Array.isArray(profile)) throw new Error('not an object');
    return JSON.stringify(profile);
  } catch (error) {
    throw invalid('is not a JSON object', error);
  }
}
