#!lua flags=allow-oom
-- Reads a stream backwards, so many entries or so many bytes (one entry is always read), whichever
-- comes first: what is stored is of any size, and a reply must not be.
-- KEYS: p<N>:events
-- ARGV: before ("+", or "(" and an id), from, entries, bytes
-- Returns entries as XREVRANGE does.
local out, before = {}, ARGV[1]
local left, room = tonumber(ARGV[3]), tonumber(ARGV[4])
while left > 0 and room > 0 do
	local entry = redis.call('XREVRANGE', KEYS[1], before, ARGV[2], 'COUNT', 1)[1]
	if not entry then
		break
	end
	out[#out + 1] = entry
	before = '(' .. entry[1]
	left = left - 1
	room = room - #entry[2][4]
end
return out
