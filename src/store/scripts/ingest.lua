#!lua
-- Stores events that were not seen in the window. Has no allow-oom: at the memory limit Redis
-- refuses it before its first write.
-- KEYS: seen:state, seen:0, seen:1, p<N>:events …
-- ARGV: window ms, then per event: stream (index into KEYS), seen field, digest, owner, event
-- Returns per event 1 stored, 0 duplicate, -1 conflict.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local window = tonumber(ARGV[1])
local state = redis.call('HMGET', KEYS[1], 'current', 'since')
local current, since = tonumber(state[1] or 0), tonumber(state[2] or -1)
if since < 0 or now < since or now - since >= window then
	if since >= 0 and now >= since then
		current = 1 - current
		redis.call('UNLINK', KEYS[2 + current])
		if now - since >= 2 * window then
			redis.call('UNLINK', KEYS[3 - current])
		end
	end
	redis.call('HSET', KEYS[1], 'current', current, 'since', now)
end
local seen, before = KEYS[2 + current], KEYS[3 - current]
local has_before = redis.call('EXISTS', before) == 1
local out = {}
for i = 2, #ARGV, 5 do
	local field, digest = ARGV[i + 1], ARGV[i + 2]
	local known = has_before and redis.call('HGET', before, field)
	if not known and redis.call('HSETNX', seen, field, digest) == 0 then
		known = redis.call('HGET', seen, field)
	end
	if known then
		out[#out + 1] = known == digest and 0 or -1
	else
		local id = redis.pcall('XADD', KEYS[tonumber(ARGV[i])], 'NOMKSTREAM', '*',
			'o', ARGV[i + 3], 'e', ARGV[i + 4])
		if type(id) ~= 'string' then
			redis.call('HDEL', seen, field)
			return id or redis.error_reply('NOSTREAM ' .. KEYS[tonumber(ARGV[i])])
		end
		out[#out + 1] = 1
	end
end
return out
