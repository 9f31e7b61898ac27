import { createHash } from 'node:crypto';

/** The keys of a store; all begin with `{prefix}:`, so that they lie in one hash slot. `order` is the set of all object keys in order. */
export type KeyName = 'meta' | 'values' | 'order' | 'log' | 'eras' | 'leases' | 'session' | 'marks';

/** A script as the server knows it. The first argument is a JSON object of named arguments; further ones are opaque values. */
export interface Script {
  readonly name: string;
  /** The keys it is given, in order; in the script they are the locals META, VALUES and so on. */
  readonly keys: readonly KeyName[];
  readonly text: string;
  /** What EVALSHA names it by. */
  readonly sha: string;
}

/**
 * Puts a script together: its keys as locals, `args`, and the check that every script but `begin` makes before it does anything.
 *
 * The check: the server must be the one whose era the caller knows. `master_replid` is what Redis itself tells histories apart by: a master takes a new
 * one when it starts and when it is promoted. So nothing is read or written on a server that was restarted or failed over to before `begin` has put
 * its era on record there. On a replica that follows a master the check fails too or reads what the master has on record, but then the role tells.
 */
export function script(name: string, keys: readonly KeyName[], body: string, check = true): Script {
  const locals = keys.map((key, i) => `local ${key.toUpperCase()} = KEYS[${i + 1}]\n`).join('');
  const text = `-- orrery ${name}\n${locals}local args = cjson.decode(ARGV[1])\n${IDENTITY}${check ? CHECK : ''}${body.trim()}\n`;
  return { name, keys, text, sha: createHash('sha1').update(text).digest('hex') };
}

const IDENTITY = `
local info = redis.call('INFO', 'replication')
local server = string.match(info, 'role:master') and string.match(info, 'master_replid:(%x+)')
`;

const CHECK = `
local state = redis.call('HMGET', META, 'era', 'server', 'revision', 'compacted')
if not server or state[1] ~= args.era or state[2] ~= server then return { 'ERA' } end
local revision, compacted = tonumber(state[3]), tonumber(state[4])
`;
