import { script } from './script.js';

/** Forgets history below a revision. Arguments: era, to. Answers: `{ 'ok', compacted }` or `{ 'AHEAD', revision }`. The log is shortened by {@link tidy}. */
export const compact = script(
  'compact',
  ['meta'],
  `
if args.to > revision then return { 'AHEAD', revision } end
if args.to > compacted then
  redis.call('HSET', META, 'compacted', args.to)
  compacted = args.to
end
return { 'ok', compacted }
`,
);

/**
 * Run by every client now and then: forgets history by age, deletes from the log what was forgotten when it was last run, removes leases that are over.
 * Time is kept as marks: "at this time the store was at this revision".
 *
 * Arguments: era, age (milliseconds history is kept), every (milliseconds between marks), cursor (of the walk through the leases).
 * Answers: `{ 'ok', compacted, cursor }`.
 */
export const tidy = script(
  'tidy',
  ['meta', 'log', 'leases', 'marks'],
  `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local newest = redis.call('ZREVRANGE', MARKS, 0, 0, 'WITHSCORES')
-- A clock that was set back would keep history for ever.
if newest[2] and tonumber(newest[2]) > now then redis.call('DEL', MARKS) newest = {} end
if not newest[2] or tonumber(newest[2]) + args.every <= now then
  local forgotten = tonumber(redis.call('HGET', META, 'forgotten') or 0)
  redis.call('XTRIM', LOG, 'MINID', '~', (forgotten + 1) .. '-0')
  local old = redis.call('ZREVRANGEBYSCORE', MARKS, now - args.age, '-inf', 'LIMIT', 0, 1)[1]
  if old then
    compacted = math.max(compacted, math.min(tonumber(old), revision))
    redis.call('ZREMRANGEBYSCORE', MARKS, '-inf', now - args.age)
  end
  redis.call('HSET', META, 'compacted', compacted, 'forgotten', compacted)
  -- The first time at which it was there counts.
  redis.call('ZADD', MARKS, 'NX', now, revision)
end
local leases = redis.call('HSCAN', LEASES, args.cursor, 'COUNT', 100)
for i = 1, #leases[2], 2 do
  if tonumber(string.match(leases[2][i + 1], '^%d+ (%d+)')) <= now then redis.call('HDEL', LEASES, leases[2][i]) end
end
return { 'ok', compacted, leases[1] }
`,
);
