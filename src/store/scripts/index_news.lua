#!lua flags=allow-oom
-- Which of those who wait at the end of an index key have something to read.
-- KEYS: by:last, by:<kind>:<value> …
-- ARGV: by:last when it was looked at before, then per key: the position behind which one waits
-- Returns {by:last, then the places of those keys (from 0) that have an entry behind the position}.
local last = redis.call('GET', KEYS[1]) or '0'
local out = {last}
if last == ARGV[1] then
	return out
end
for i = 2, #KEYS do
	local newest = redis.call('ZRANGE', KEYS[i], -1, -1, 'WITHSCORES')[2]
	if newest and tonumber(newest) > tonumber(ARGV[i]) then
		out[#out + 1] = i - 2
	end
end
return out
