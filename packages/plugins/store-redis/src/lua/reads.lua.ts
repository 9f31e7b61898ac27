import { script } from './script.js';

/** Where the store is. Arguments: era. Answers: `{ 'ok', revision, compacted }`. */
export const state = script('state', ['meta'], `return { 'ok', revision, compacted }`);

/** One key. Arguments: era, key. Answers: `{ 'ok', revision, record | nil }`. */
export const get = script('get', ['meta', 'values'], `return { 'ok', revision, redis.call('HGET', VALUES, args.key) }`);

/**
 * Some keys in order, as they are now.
 * Arguments: era, prefix, after (exclusive; absent: from the start), count, bytes (stops once so many were collected).
 * Answers: `{ 'ok', revision, compacted, how many keys follow, { key, record, … } }`.
 */
export const page = script(
  'page',
  ['meta', 'values', 'order'],
  `
local first, last = args.prefix == '' and '-' or '[' .. args.prefix, args.prefix == '' and '+' or '(' .. args.prefix .. '\\255'
if args.after and args.after >= args.prefix then first = '(' .. args.after end
local found, bytes, keys = {}, 0, redis.call('ZRANGEBYLEX', ORDER, first, last, 'LIMIT', 0, args.count)
for _, key in ipairs(keys) do
  local record = redis.call('HGET', VALUES, key)
  if record then
    found[#found + 1] = key
    found[#found + 1] = record
    bytes = bytes + #record
  end
  first = '(' .. key
  if bytes >= args.bytes then break end
end
return { 'ok', revision, compacted, redis.call('ZLEXCOUNT', ORDER, first, last), found }
`,
);

/**
 * Changes under a prefix, from the log.
 * Arguments: era, prefix, since (exclusive), through (inclusive), count (revisions looked at), bytes (stops once so many were collected).
 * Answers: `{ 'ok', revision up to which that is all, { revision, { field, value, … }, … } }`, or `{ 'EXPIRED', compacted }` when part of it is gone.
 */
export const log = script(
  'log',
  ['meta', 'log'],
  `
if args.since < compacted then return { 'EXPIRED', compacted } end
local through = math.min(args.through, revision, args.since + args.count)
local at, bytes, found = args.since, 0, {}
while at < through and bytes < args.bytes do
  local entries = redis.call('XRANGE', LOG, (at + 1) .. '-0', through .. '-0', 'COUNT', 16)
  if #entries == 0 then return { 'EXPIRED', at + 1 } end
  for _, entry in ipairs(entries) do
    if tonumber(string.match(entry[1], '^%d+')) ~= at + 1 then return { 'EXPIRED', at + 1 } end
    at = at + 1
    local fields, matches = entry[2], false
    for i = 1, #fields, 2 do
      if fields[i] == 'key' and string.sub(fields[i + 1], 1, #args.prefix) == args.prefix then matches = true end
      bytes = bytes + (matches and #fields[i + 1] or 0)
    end
    if matches then
      found[#found + 1] = at
      found[#found + 1] = fields
    end
    if bytes >= args.bytes then break end
  end
end
return { 'ok', at, found }
`,
);
