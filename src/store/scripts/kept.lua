#!lua flags=allow-oom
-- Reads kept events until there are so many bytes; the first is always read. They are of any size,
-- and a reply must not be.
-- KEYS: kept
-- ARGV: bytes, members
-- Returns owner "\n" event (false: gone) of the first of these members.
local out, room = {}, tonumber(ARGV[1])
for i = 2, #ARGV do
	local kept = redis.call('HGET', KEYS[1], ARGV[i])
	out[#out + 1] = kept
	room = room - #(kept or '')
	if room <= 0 then
		break
	end
end
return out
