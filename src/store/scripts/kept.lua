#!lua flags=allow-oom
-- Reads kept events until there are so many bytes; the first is always read. They are of any size,
-- and a reply must not be. Of one that is kept without its content the stream is asked.
-- KEYS: kept, p0:events and all others
-- ARGV: bytes, members
-- Returns owner "\n" event (false: gone) of the first of these members.
local out, room = {}, tonumber(ARGV[1])
for i = 2, #ARGV do
	local kept = redis.call('HGET', KEYS[1], ARGV[i])
	if kept == '' then
		local n, ms, seq = string.match(ARGV[i], '^(%d+)%-(%d+)%-(%d+)$')
		local id = ms .. '-' .. string.format('%.0f', tonumber(seq))
		local entry = redis.call('XRANGE', KEYS[2 + tonumber(n)], id, id)[1]
		kept = entry and entry[2][2] .. '\n' .. entry[2][4]
	end
	out[#out + 1] = kept or false
	room = room - #(kept or '')
	if room <= 0 then
		break
	end
end
return out
