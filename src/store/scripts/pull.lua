#!lua flags=allow-oom
-- Makes the lanes of a subscription due now, a part of the list at a time.
-- KEYS: due
-- ARGV: sub, cursor ("0": from the beginning), about so many lanes of the list in this call
-- Returns {the next cursor ("0": that was all), how many lanes were pulled}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local pulled = 0
local function pull(lane)
	pulled = pulled + redis.call('ZADD', KEYS[1], 'XX', 'LT', 'CH', now, lane)
end
if ARGV[2] == '0' then
	pull(ARGV[1])
	pull(ARGV[1] .. '~replay')
end
local begin = ARGV[1] .. '/'
local found = redis.call('ZSCAN', KEYS[1], ARGV[2], 'COUNT', ARGV[3])
for i = 1, #found[2], 2 do
	if string.sub(found[2][i], 1, #begin) == begin then
		pull(found[2][i])
	end
end
return {found[1], pulled}
