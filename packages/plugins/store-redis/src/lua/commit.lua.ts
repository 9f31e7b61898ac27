import { script } from './script.js';

/**
 * Evaluates a batch of commits one after another; each that is not refused makes one revision, in the same step as its writes and its log entry.
 * A record is `createRevision modRevision value`; values come as further arguments and are never decoded here.
 *
 * Arguments: era, generation, sequence (grows with every batch of an instance), keep (revisions of history), at (for each commit, how many values
 * come before its own), commits: `[{ guards: [{ key, revision } | { lease, epoch }], writes: [{ key, value: 1-based | absent }] }]`.
 * Answers: `{ 'ok', { revision | { 'refused', guard's place from 1, record | nil }, … } }`; for a commit without a change the revision is the current one.
 * What each made is kept with the session for the last batches, so that who lost the answer can ask: 0 for refused.
 */
export const commit = script(
  'commit',
  ['meta', 'values', 'order', 'log', 'leases', 'session'],
  `
local session = redis.call('HMGET', SESSION, 'generation', 'sequence')
if session[1] ~= tostring(args.generation) or tonumber(session[2] or 0) >= args.sequence then return { 'SESSION' } end

local now
local function holds(lease, epoch)
  local held = redis.call('HGET', LEASES, lease)
  if not held then return false end
  if not now then
    local time = redis.call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  local holder_epoch, expires = string.match(held, '^(%d+) (%d+) ')
  return tonumber(holder_epoch) == epoch and tonumber(expires) > now
end

local results, made = {}, {}
-- Used again for each commit: making tables costs more than what is done with them.
local entry, puts, created, deleted = {}, {}, {}, {}
for n, change in ipairs(args.commits) do
  local known, refused = {}, nil
  for place, guard in ipairs(change.guards) do
    if guard.lease then
      if not holds(guard.lease, guard.epoch) then refused = { 'refused', place, false } end
    else
      local record = redis.call('HGET', VALUES, guard.key)
      known[guard.key] = record
      if (record and tonumber(string.match(record, '^%d+ (%d+) ')) or 0) ~= guard.revision then refused = { 'refused', place, record } end
    end
    if refused then break end
  end
  if refused then
    results[n], made[n] = refused, 0
  else
    local next = string.format('%.0f', revision + 1)
    local fields, put, new_keys, gone = 0, 0, 0, 0
    for _, write in ipairs(change.writes) do
      local key, old = write.key, known[write.key]
      if old == nil then old = redis.call('HGET', VALUES, key) end
      local new
      if write.value then
        new = (old and string.match(old, '^%d+') or next) .. ' ' .. next .. ' ' .. ARGV[1 + args.at[n] + write.value]
        puts[put + 1], puts[put + 2] = key, new
        put = put + 2
        if not old then
          created[new_keys + 1], created[new_keys + 2] = 0, key
          new_keys = new_keys + 2
        end
      elseif old then
        gone = gone + 1
        deleted[gone] = key
      end
      if new or old then
        entry[fields + 1], entry[fields + 2], entry[fields + 3] = 'key', key, 'new'
        entry[fields + 4], entry[fields + 5], entry[fields + 6] = new or '', 'old', old or ''
        fields = fields + 6
      end
    end
    if fields > 0 then
      -- The entry first: where memory is short or the log is damaged this is what fails, before anything is written. A commit that only deletes
      -- must get through when memory is short, so there the deletion comes first: it needs none, and after it the rest is let through.
      if put == 0 then redis.call('HDEL', VALUES, unpack(deleted, 1, gone)) end
      redis.call('XADD', LOG, next .. '-0', 'era', args.era, unpack(entry, 1, fields))
      if put > 0 then
        redis.call('HSET', VALUES, unpack(puts, 1, put))
        if gone > 0 then redis.call('HDEL', VALUES, unpack(deleted, 1, gone)) end
      end
      if new_keys > 0 then redis.call('ZADD', ORDER, unpack(created, 1, new_keys)) end
      if gone > 0 then redis.call('ZREM', ORDER, unpack(deleted, 1, gone)) end
      revision = revision + 1
    end
    results[n], made[n] = revision, revision
  end
end

if revision > tonumber(state[3]) then
  redis.call('HSET', META, 'revision', revision)
  redis.call('HSET', SESSION, 'sequence', args.sequence, 'made' .. args.sequence % 16, args.sequence .. ' ' .. table.concat(made, ','))
  if args.sequence % 16 == 0 then redis.call('PEXPIRE', SESSION, 3600000) end
  if revision - compacted > args.keep + 256 then
    redis.call('HSET', META, 'compacted', revision - args.keep)
    -- What is forgotten is deleted a little later, so that who follows the log closely is not cut off.
    redis.call('XTRIM', LOG, 'MINID', '~', math.max(math.floor(revision - args.keep * 1.25 - 1000), 0) .. '-0')
  end
end
return { 'ok', results }
`,
);
