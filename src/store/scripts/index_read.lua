#!lua flags=allow-oom
-- Reads the events of one index key behind a position, in the order in which they were stored. What
-- an entry names and its stream has no more is passed over. After "(last)" of a reader who came to
-- the end nothing is ever put at or below it; should Redis have lost by:last to a failure of its
-- own, it is brought up to the reader's.
-- KEYS: by:<kind>:<value>, by:last, by:floor, p0:events, p1:events …
-- ARGV: position, where to begin at the earliest, most entries, most bytes of events (but one
--       event, whatever its size)
-- Returns {position to go on behind, 1 when that was all, entries passed over, then per event:
--         score, member, owner, event}.
local call, sub = redis.call, string.sub
local last = tonumber(call('GET', KEYS[2]) or nil) or 0
local position, limit, room = tonumber(ARGV[1]), tonumber(ARGV[3]), tonumber(ARGV[4])
if position > last then
	call('SET', KEYS[2], string.format('%.0f', position))
	last = position
end
position = math.max(position, math.min(tonumber(ARGV[2]), last),
	tonumber(call('GET', KEYS[3]) or nil) or 0)
local found = call('ZRANGE', KEYS[1], string.format('(%.0f', position), '+inf', 'BYSCORE',
	'LIMIT', 0, limit + 1, 'WITHSCORES')
local out, gone, is_end = {0, 0, 0}, 0, #found <= 2 * limit
for i = 1, math.min(#found, 2 * limit), 2 do
	local member = found[i]
	local id = sub(member, 4)
	local entry = call('XRANGE', KEYS[4 + sub(member, 1, 2)], id, id)[1]
	if entry then
		local event = entry[2][4]
		if #out > 3 and #event > room then
			is_end = false
			break
		end
		room = room - #event
		local n = #out
		out[n + 1], out[n + 2] = found[i + 1], member
		out[n + 3], out[n + 4] = entry[2][2], event
	else
		gone = gone + 1
	end
	position = tonumber(found[i + 1])
end
if is_end then
	position = math.max(position, last)
end
out[1], out[2], out[3] = string.format('%.0f', position), is_end and 1 or 0, gone
return out
