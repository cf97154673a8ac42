#!lua flags=allow-oom
-- Ends the attempts of one lane. "again" and "dead" need the lease that the attempt ran under;
-- "done" does not, but for a delivery that somebody revived meanwhile (attempt 0).
-- KEYS: due, parked:<lane>, dead:<sub>, kept, refs
-- ARGV: lane, then per delivery: member, "done" | "again" | "dead" | "forget", lease, delay ms,
--       attempt
-- Returns per delivery 1 changed, 0 nothing to do.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function drop(member, n)
	if n > 0 and redis.call('HINCRBY', KEYS[5], member, -n) <= 0 then
		redis.call('HDEL', KEYS[5], member)
		redis.call('HDEL', KEYS[4], member)
	end
	return n > 0 and 1 or 0
end
local out = {}
for i = 2, #ARGV, 5 do
	local member, verb, lease = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
	local attempt = tonumber(ARGV[i + 4])
	local score = tonumber(redis.call('ZSCORE', KEYS[2], member) or nil)
	local mine = score ~= nil and score == lease
	local changed = 0
	if verb == 'done' then
		local n = redis.call('ZREM', KEYS[3], member)
		if mine or (score and score % 64 > 0) then
			n = n + redis.call('ZREM', KEYS[2], member)
		end
		changed = drop(member, n)
	elseif verb == 'forget' then
		local n = redis.call('ZREM', KEYS[2], member)
		changed = drop(member, n + redis.call('ZREM', KEYS[3], member))
	elseif mine and verb == 'again' then
		local due = now + tonumber(ARGV[i + 3])
		redis.call('ZADD', KEYS[2], 'XX', due * 64 + attempt, member)
		changed = 1
	elseif mine and verb == 'dead' then
		redis.call('ZREM', KEYS[2], member)
		if redis.call('ZADD', KEYS[3], 'NX', now * 64 + attempt, member) == 0 then
			drop(member, 1)
		end
		changed = 1
	end
	out[#out + 1] = changed
end
local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
if #first == 0 then
	redis.call('ZREM', KEYS[1], ARGV[1])
else
	-- Behind the lanes that are due already: they take turns.
	local when = math.max(math.floor(tonumber(first[2]) / 64), now)
	redis.call('ZADD', KEYS[1], math.min(when, now + 600000), ARGV[1])
end
return out
