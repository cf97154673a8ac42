#!lua flags=allow-oom
-- Walks over the kept events until there are so many or so many bytes, or a few more.
-- KEYS: kept
-- ARGV: cursor ("0": from the beginning), events, bytes
-- Returns {the next cursor ("0": that was all), {member, owner "\n" event, ...}}.
local cursor, out = ARGV[1], {}
local left, room = tonumber(ARGV[2]), tonumber(ARGV[3])
repeat
	local found = redis.call('HSCAN', KEYS[1], cursor, 'COUNT', 4)
	cursor = found[1]
	for i = 1, #found[2], 2 do
		out[#out + 1] = found[2][i]
		out[#out + 1] = found[2][i + 1]
		left = left - 1
		room = room - #found[2][i + 1]
	end
until cursor == '0' or left <= 0 or room <= 0
return {cursor, out}
