#!lua flags=allow-oom
-- Which lanes are to be looked at. By the clock that they were written by: that of whoever asks may
-- be another, and what is due would wait for it. No lane is more than ten minutes ahead, unless the
-- clock was wrong: such a one is looked at, too, and is put right by that.
-- KEYS: due
-- ARGV: due within so many ms, at most so many lanes
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local till, most = now + ARGV[1], tonumber(ARGV[2])
local lanes = redis.call('ZRANGE', KEYS[1], '-inf', till, 'BYSCORE', 'LIMIT', 0, most)
if #lanes < most then
	local ahead = redis.call('ZRANGE', KEYS[1],
		string.format('(%.0f', math.max(till, now + 600000)), '+inf',
		'BYSCORE', 'LIMIT', 0, most - #lanes)
	for i = 1, #ahead do
		lanes[#lanes + 1] = ahead[i]
	end
end
return lanes
