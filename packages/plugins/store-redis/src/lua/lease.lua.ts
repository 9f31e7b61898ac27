import { script } from './script.js';

/**
 * Takes a lease. A lease is kept as `epoch expires holder`, outside the history. Epochs are those of the server's clock in milliseconds, but always
 * higher than any before: so they grow even if the counter itself was lost with an old server, and leases that are over need not be remembered.
 *
 * Arguments: era, name, holder, ttl (milliseconds). Answers: `{ 'ok', epoch }` or `{ 'held' }`.
 */
export const acquire = script(
  'acquire',
  ['meta', 'leases'],
  `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('HGET', LEASES, args.name)
if held then
  local expires, holder = string.match(held, '^%d+ (%d+) (.*)$')
  if tonumber(expires) > now and holder ~= args.holder then return { 'held' } end
end
local epoch = math.max(now, tonumber(redis.call('HGET', META, 'lease') or 0) + 1)
redis.call('HSET', META, 'lease', epoch)
redis.call('HSET', LEASES, args.name, epoch .. ' ' .. (now + args.ttl) .. ' ' .. args.holder)
return { 'ok', epoch }
`,
);

/** Prolongs a lease. Arguments: era, name, epoch, ttl (milliseconds). Answers: `{ 'ok' }` or `{ 'lost' }`. */
export const renew = script(
  'renew',
  ['meta', 'leases'],
  `
local held = redis.call('HGET', LEASES, args.name)
if not held then return { 'lost' } end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local epoch, expires, holder = string.match(held, '^(%d+) (%d+) (.*)$')
if tonumber(epoch) ~= args.epoch or tonumber(expires) <= now then return { 'lost' } end
redis.call('HSET', LEASES, args.name, epoch .. ' ' .. (now + args.ttl) .. ' ' .. holder)
return { 'ok' }
`,
);

/** Gives a lease up, if it is still held under that epoch. Arguments: era, name, epoch. Answers: `{ 'ok' }`. */
export const release = script(
  'release',
  ['meta', 'leases'],
  `
local held = redis.call('HGET', LEASES, args.name)
if held and tonumber(string.match(held, '^%d+')) == args.epoch then redis.call('HDEL', LEASES, args.name) end
return { 'ok' }
`,
);
