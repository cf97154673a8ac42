#!lua flags=allow-oom
-- The pauses that changed after a number, the oldest change first. Drops a few that ended long ago.
-- KEYS: pauses, pauses:changes, pauses:until, pauses:serial
-- ARGV: after, limit
-- Returns {Redis' now in ms, number of the last change there is, then per pause: its number, id,
--          value}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local gone = redis.call('ZRANGE', KEYS[3], '-inf', now, 'BYSCORE', 'LIMIT', 0, 100)
if #gone > 0 then
	redis.call('HDEL', KEYS[1], unpack(gone))
	redis.call('ZREM', KEYS[2], unpack(gone))
	redis.call('ZREM', KEYS[3], unpack(gone))
end
local out = {now, redis.call('GET', KEYS[4]) or '0'}
local rows = redis.call('ZRANGE', KEYS[2], '(' .. ARGV[1], '+inf', 'BYSCORE',
	'LIMIT', 0, ARGV[2], 'WITHSCORES')
for i = 1, #rows, 2 do
	out[#out + 1] = rows[i + 1]
	out[#out + 1] = rows[i]
	out[#out + 1] = redis.call('HGET', KEYS[1], rows[i])
end
return out
