import { execFileSync } from 'node:child_process';
import type { Random } from '@orrery/core';
import { programPath } from './missing.js';

/** A bridge of this machine. */
export interface Bridge {
  /** At most 15 characters. */
  readonly name: string;
  /** `10.x.y.0/24`; the bridge itself is `.1`. */
  readonly subnet: string;
}

const TRIES = 50;

/** Makes a bridge with a /24 that no interface and no route of this machine uses. Needs root. */
export function makeBridge(random: Random): Bridge {
  const ip = (...args: string[]): string => execFileSync(programPath('ip') ?? 'ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const known = `${ip('-4', '-o', 'address')}\n${ip('-4', 'route')}`;
  const used = new Set([...known.matchAll(/\b10\.(\d{1,3})\.(\d{1,3})\.\d{1,3}/g)].map(([, x, y]) => `${x}.${y}`));
  for (let tries = 0; tries < TRIES; tries += 1) {
    const [x, y] = [64 + random.int(128), random.int(256)];
    if (used.has(`${x}.${y}`)) continue;
    // The name follows from the block, so that of two processes that chose the same one the second is told.
    const name = `od${x}x${y}`;
    try {
      ip('link', 'add', name, 'type', 'bridge');
    } catch (error) {
      if (/exists/i.test(String(error))) continue;
      throw error;
    }
    ip('address', 'add', `10.${x}.${y}.1/24`, 'dev', name);
    ip('link', 'set', name, 'up');
    return { name, subnet: `10.${x}.${y}.0/24` };
  }
  throw new Error(`No free address block for a bridge was found in ${TRIES} tries.`);
}
