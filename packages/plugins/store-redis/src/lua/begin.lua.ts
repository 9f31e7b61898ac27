import { script } from './script.js';

/**
 * Run on each new connection. Makes the store if there is none; puts a new era on record if the server is not the one that wrote last; and, for a
 * connection that commits, begins the next generation of its session, from which on nothing of the generations before is executed any more.
 *
 * Arguments: nonce (random, names a new era or store), seen (the newest revision the caller knows), instance and generation (absent: no session).
 * Answers: `{ 'ok', store, era, revision, compacted, { 'era start', … }, session as a flat list as it was before }`.
 */
export const begin = script(
  'begin',
  ['meta', 'values', 'log', 'eras', 'session'],
  `
if not server then return { 'ROLE' } end
local now = redis.call('TIME')
local state = redis.call('HMGET', META, 'store', 'era', 'server', 'revision', 'compacted')
local store, era, revision, compacted = state[1], state[2], tonumber(state[4]), tonumber(state[5])

-- The log may be ahead of the revision only after an error in the middle of a commit, or when somebody deleted keys.
local newest = redis.call('XREVRANGE', LOG, '+', '-', 'COUNT', 1)[1]
local logged = newest and tonumber(string.match(newest[1], '^%d+')) or 0

local function enter()
  redis.call('RPUSH', ERAS, era .. ' ' .. revision)
  redis.call('LTRIM', ERAS, -64, -1)
end

if not store or not era or not revision or not compacted then
  -- New, or its keys were deleted by hand: revisions that were given out are never given out again as far as that can be known.
  revision = logged
  if redis.call('EXISTS', VALUES) == 1 and args.seen > revision then revision = args.seen end
  store, era, compacted = args.nonce, '1-' .. args.nonce, revision
  redis.call('HSET', META, 'format', 1, 'store', store, 'era', era, 'server', server, 'revision', revision, 'compacted', compacted)
  redis.call('DEL', ERAS)
  enter()
elseif state[3] ~= server then
  if logged > revision then revision = logged end
  era = (tonumber(string.match(era, '^%d+')) + 1) .. '-' .. args.nonce
  redis.call('HSET', META, 'era', era, 'server', server, 'revision', revision, 'began', now[1])
  enter()
end

local session = {}
if args.generation then
  session = redis.call('HGETALL', SESSION)
  redis.call('HSET', SESSION, 'generation', args.generation)
  redis.call('PEXPIRE', SESSION, 3600000)
end
return { 'ok', store, era, revision, compacted, redis.call('LRANGE', ERAS, 0, -1), session }
`,
  false,
);
