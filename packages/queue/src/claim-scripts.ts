/**
 * Looks at claim and job together and takes the claim if there is neither. One atomic step, one round trip.
 * Reads, never writes, BullMQ's keys.
 *
 * KEYS  1 claim · 2 job hash · 3 failed set · 4 completed set
 * ARGV  1 owner · 2 job id · 3 lease of a new claim in milliseconds, 0: only look
 * Returns claim (`state|owner`, '' if absent), job (none, alive, failed, completed), owner in the job's data ('' if none), 1 where
 * that data says that the event is in the spill as well
 */
export const lookScript = `
local claim = redis.call('GET', KEYS[1])
if claim and string.sub(claim, 1, 4) == 'done' then return { claim, 'none', '', 0 } end
local data = redis.call('HGET', KEYS[2], 'data')
local job, owner, copied = 'none', '', 0
if data then
  if redis.call('ZSCORE', KEYS[3], ARGV[2]) then job = 'failed'
  elseif redis.call('ZSCORE', KEYS[4], ARGV[2]) then job = 'completed'
  else job = 'alive' end
  local readable, event = pcall(cjson.decode, data)
  if readable and type(event.owner) == 'string' then owner = event.owner end
  if readable and event.spilled == true then copied = 1 end
elseif not claim and ARGV[3] ~= '0' then
  redis.call('SET', KEYS[1], 'pending|' .. ARGV[1], 'PX', ARGV[3])
end
return { claim or '', job, owner, copied }
`;

/**
 * Moves a claim forward to queued, never back from done.
 * KEYS 1 claim · ARGV 1 owner · 2 time to live in milliseconds
 */
export const confirmScript = `
local claim = redis.call('GET', KEYS[1])
if claim and string.sub(claim, 1, 4) == 'done' then return 0 end
redis.call('SET', KEYS[1], 'queued|' .. ARGV[1], 'PX', ARGV[2])
return 1
`;

/**
 * Deletes a claim if it is this owner's.
 * KEYS 1 claim · ARGV 1 owner
 */
export const freeScript = `
local claim = redis.call('GET', KEYS[1])
if not claim or string.match(claim, '|(.*)$') ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`;
