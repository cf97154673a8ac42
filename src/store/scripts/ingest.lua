#!lua
-- Stores events that were not seen in the window, and indexes them. Has no allow-oom: at the memory
-- limit Redis refuses it before its first write.
-- KEYS: seen:state, seen:0, seen:1, p<N>:events …, and with an index: by:<kind>:<value> …, by:last,
--       by:floor
-- ARGV: window ms, index keys per event (0: no index), then per event: stream (index into KEYS),
--       seen field, digest, owner, event, its index keys (index into KEYS; 0: none)
-- An event's score in all its index keys is one number, above every score given before: who has
-- read up to by:last finds whatever comes later behind it. by:last is moved first, past all of this
-- call, so that nothing that fails on the way can make two events have one score.
-- Returns per event 1 stored, 0 duplicate, -1 conflict.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local window, fields = tonumber(ARGV[1]), tonumber(ARGV[2])
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
local score, floor
if fields > 0 then
	score = math.max(time[1] * 1000000 + time[2],
		(tonumber(redis.call('GET', KEYS[#KEYS - 1]) or nil) or 0) + 1)
	redis.call('SET', KEYS[#KEYS - 1],
		string.format('%.0f', score + (#ARGV - 2) / (5 + fields) - 1))
end
-- Entries are gathered and written key by key: many events of a call share one.
local lists, prefixes = {}, {}
local function index(at, id)
	local prefix = prefixes[ARGV[at]]
	if not prefix then
		prefix = string.format('%02d-', string.match(KEYS[tonumber(ARGV[at])], 'p(%d+):'))
		prefixes[ARGV[at]] = prefix
	end
	for i = at + 5, at + 4 + fields do
		local place = ARGV[i]
		local list = lists[place]
		if list then
			list[#list + 1] = score
			list[#list + 1] = prefix .. id
		elseif place ~= '0' then
			lists[place] = {score, prefix .. id}
		end
	end
	score = score + 1
end
-- Now and then, what is past retention goes on the way: more entries than come.
local function write_index()
	for place, list in pairs(lists) do
		local key, n = KEYS[tonumber(place)], #list / 2
		redis.call('ZADD', key, unpack(list))
		if list[1] % 16 < n then
			floor = floor or redis.call('GET', KEYS[#KEYS]) or '0'
			local gone = #redis.call('ZRANGE', key, '-inf', floor, 'BYSCORE',
				'LIMIT', 0, math.max(64, 4 * n))
			if gone > 0 then
				redis.call('ZREMRANGEBYRANK', key, 0, gone - 1)
			end
		end
	end
end
local out = {}
for i = 3, #ARGV, 5 + fields do
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
			write_index()
			return id or redis.error_reply('NOSTREAM ' .. KEYS[tonumber(ARGV[i])])
		end
		if fields > 0 then
			index(i, id)
		end
		out[#out + 1] = 1
	end
end
write_index()
return out
