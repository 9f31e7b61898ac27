import { type Claim as NameClaim, claimName, OrreryError } from '@orrery/core';
import { parseBlock, sixteensOf, type Block } from './ranges.js';

/** The /16 blocks tried by default: 127.192.0.0 to 127.254.0.0. The process runtime gives pods addresses of 127.64 to 127.191. */
const FIRST = 192;
const LAST = 254;

/** A block that no other orchestrator of this network namespace can hold. */
export interface Claim {
  readonly block: Block;
  /** Gives it up. Safe to call twice. A process that dies gives it up too. */
  close(): Promise<void>;
}

/**
 * Claims the wanted block, or the first free one. A claim is a name (core's `claimName`) per /16 that the block touches. Throws `EXHAUSTED` when another orchestrator holds the wanted block (or all of them),
 * `INVALID` for a malformed one, `UNSUPPORTED` where there is no such loopback range.
 */
export async function claimBlock(wanted: string | undefined, platform: string = process.platform): Promise<Claim> {
  if (platform !== 'linux') {
    throw new OrreryError('UNSUPPORTED', `Service addresses of 127.0.0.0/8 need Linux, which routes all of them to the loopback device; this is ${platform}.`, { platform });
  }
  const candidates = wanted !== undefined ? [wanted] : Array.from({ length: LAST - FIRST + 1 }, (_, i) => `127.${FIRST + i}.0.0/16`);
  for (const cidr of candidates) {
    const block = parseBlock(cidr);
    const held = await claimAll(sixteensOf(block));
    if (held !== undefined) return { block, close: () => releaseAll(held) };
  }
  throw new OrreryError('EXHAUSTED', `The service addresses ${wanted ?? `127.${FIRST}.0.0 to 127.${LAST}.255.255`} are held by another orchestrator on this machine.`, {});
}

async function claimAll(numbers: readonly number[]): Promise<NameClaim[] | undefined> {
  const held: NameClaim[] = [];
  try {
    for (const number of numbers) {
      const claim = await claimName(`orrery-loopback-127.${number}`);
      if (claim === undefined) {
        await releaseAll(held);
        return undefined;
      }
      held.push(claim);
    }
    return held;
  } catch (error) {
    await releaseAll(held);
    throw error;
  }
}

async function releaseAll(held: readonly NameClaim[]): Promise<void> {
  await Promise.all(held.map((claim) => claim[Symbol.asyncDispose]()));
}
