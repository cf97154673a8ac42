#!lua flags=allow-oom
-- Takes the first parked deliveries of a lane that are due, each under a lease: its new score (the
-- attempt has six bits and stays at 63). With limit 0 it takes nothing and only moves the lane on:
-- look again in so many ms.
-- KEYS: due, parked:<lane>, kept
-- ARGV: lane, limit, lease ms, look again ms
-- Returns {now ms, then per delivery: member, attempt, lease, owner "\n" event (false: gone)}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lane, limit = ARGV[1], tonumber(ARGV[2])
local out = {now}
if limit > 0 then
	local due = redis.call('ZRANGE', KEYS[2], '-inf', now * 64 + 63, 'BYSCORE',
		'LIMIT', 0, limit, 'WITHSCORES')
	for i = 1, #due, 2 do
		local attempt = math.min(tonumber(due[i + 1]) % 64 + 1, 63)
		local lease = (now + tonumber(ARGV[3])) * 64 + attempt
		redis.call('ZADD', KEYS[2], 'XX', lease, due[i])
		out[#out + 1] = due[i]
		out[#out + 1] = attempt
		out[#out + 1] = string.format('%.0f', lease)
		out[#out + 1] = redis.call('HGET', KEYS[3], due[i])
	end
end
local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
if #first == 0 then
	redis.call('ZREM', KEYS[1], lane)
else
	-- Behind the lanes that are due already: they take turns.
	local when = math.max(math.floor(tonumber(first[2]) / 64), now)
	-- Nothing is parked for a month: the clock was wrong when it was.
	if when > now + 2592000000 then
		when = now
		redis.call('ZADD', KEYS[2], 'XX', now * 64 + tonumber(first[2]) % 64, first[1])
	end
	if limit == 0 then
		when = math.max(when, now + tonumber(ARGV[4]))
	end
	redis.call('ZADD', KEYS[1], math.min(when, now + 600000), lane)
end
return out
