import { errorMessage } from '@orrery/core';

/** What an error of a command means for who sent it. */
export interface Failure {
  /**
   * - `later`: not executed; the same server will answer soon.
   * - `elsewhere`: not executed; another server must be found.
   * - `refused`: not executed, and waiting does not help.
   * - `unknown`: it may have been executed.
   */
  readonly kind: 'later' | 'elsewhere' | 'refused' | 'unknown';
  /** In words for an operator, without arguments of commands. */
  readonly reason: string;
}

/** The connection was lost or given up before the answer came. */
export class ConnectionLost extends Error {}

const KINDS: Readonly<Record<string, readonly [Failure['kind'], string]>> = {
  LOADING: ['later', 'the server is still loading its data'],
  BUSY: ['later', 'the server is busy with a script of somebody else'],
  TRYAGAIN: ['later', 'the hash slot is being moved'],
  CLUSTERDOWN: ['later', 'the cluster does not serve the hash slot'],
  NOREPLICAS: ['later', 'the server has fewer good replicas than min-replicas-to-write asks for'],
  READONLY: ['elsewhere', 'the server is a replica now'],
  MASTERDOWN: ['elsewhere', 'the server is a replica without a master'],
  MOVED: ['elsewhere', 'another node serves the hash slot now'],
  ASK: ['elsewhere', 'the hash slot is being moved to another node'],
  UNBLOCKED: ['elsewhere', 'the server became a replica'],
  OOM: ['refused', 'the server has used up its maxmemory'],
  MISCONF: ['refused', 'the server cannot write to its disk'],
  NOPERM: ['refused', 'the user lacks a permission'],
  NOAUTH: ['refused', 'the server asks for a password'],
  WRONGPASS: ['refused', 'the user or password is wrong'],
};

/** Sorts an error by what the server's own prefix of it says. */
export function classify(error: unknown): Failure {
  if (error instanceof ConnectionLost) return { kind: 'unknown', reason: error.message };
  const message = errorMessage(error);
  // A script's error may stand behind the script's name.
  const word = /^(?:ERR |Error running script[^:]*: )*-?([A-Z]+)\b/.exec(message)?.[1] ?? '';
  const known = KINDS[word];
  if (known !== undefined) return { kind: known[0], reason: `${known[1]} (${clean(message)})` };
  if (/^ERR Error .*[Ss]cript killed by user/.test(message)) return { kind: 'later', reason: 'an operator ended the script' };
  return { kind: 'unknown', reason: clean(message) };
}

/** A server's message without what it repeats of the command: that may be a password or a value. */
export const clean = (message: string): string => message.replace(/,? with args beginning with.*/s, '').replace(/[\x00-\x1f\x7f]+/g, ' ').slice(0, 300);
