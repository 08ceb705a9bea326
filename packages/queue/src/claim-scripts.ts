/**
 * Reads claim and job in one atomic step, and takes the claim if there is neither. Never writes BullMQ's keys.
 *
 * KEYS  1 claim · 2 job hash · 3 failed set · 4 completed set · 5 jobs by firm
 * ARGV  1 firm id · 2 job id · 3 lease of a new claim in milliseconds, 0: only read
 * Returns 1 claim (`state|firm id`, '' if absent) · 2 job (none, alive, failed, completed) · 3 firm id of the job ('' if none) ·
 * 4 whether the event is in the spill as well (0, 1) · 5 how many jobs of the firm the queue holds, including the one that a new
 * claim is for; 0 if the claim is not new. Jobs of version 1 call the firm `owner`.
 */
export const acquireScript = `
local claim = redis.call('GET', KEYS[1])
if claim and string.sub(claim, 1, 4) == 'done' then return { claim, 'none', '', 0, 0 } end
local data = redis.call('HGET', KEYS[2], 'data')
local job, firm, copied, backlog = 'none', '', 0, 0
if data then
  if redis.call('ZSCORE', KEYS[3], ARGV[2]) then job = 'failed'
  elseif redis.call('ZSCORE', KEYS[4], ARGV[2]) then job = 'completed'
  else job = 'alive' end
  local readable, event = pcall(cjson.decode, data)
  if readable then firm = event.firmId or event.owner end
  if type(firm) ~= 'string' then firm = '' end
  if readable and event.spilled == true then copied = 1 end
elseif not claim and ARGV[3] ~= '0' then
  redis.call('SET', KEYS[1], 'pending|' .. ARGV[1], 'PX', ARGV[3])
  backlog = redis.call('HINCRBY', KEYS[5], ARGV[1], 1)
end
return { claim or '', job, firm, copied, backlog }
`;

/**
 * Sets a claim to queued, unless it is done.
 * KEYS 1 claim · ARGV 1 firm id · 2 time to live in milliseconds
 */
export const confirmScript = `
local claim = redis.call('GET', KEYS[1])
if claim and string.sub(claim, 1, 4) == 'done' then return 0 end
redis.call('SET', KEYS[1], 'queued|' .. ARGV[1], 'PX', ARGV[2])
return 1
`;

/**
 * Deletes a claim if it is this firm's.
 * KEYS 1 claim · ARGV 1 firm id
 */
export const releaseScript = `
local claim = redis.call('GET', KEYS[1])
if not claim or string.match(claim, '|(.*)$') ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`;
