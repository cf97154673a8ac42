#!lua flags=allow-oom
-- Looks through the events of one index key from the newest back, for those that may have an id:
-- the ones whose bytes hold it as it stands, or an escape that may hide it.
-- KEYS: by:<kind>:<value>, p0:events, p1:events …
-- ARGV: below this position ("+inf": from the newest), entries to look at, id
-- Returns {position to go on below, 1 when that was all, then per event as index_read}.
local limit = tonumber(ARGV[2])
local below = ARGV[1] == '+inf' and '+inf' or '(' .. ARGV[1]
local found = redis.call('ZRANGE', KEYS[1], below, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, limit,
	'WITHSCORES')
local out = {ARGV[1], #found < 2 * limit and 1 or 0, 0}
for i = 1, #found, 2 do
	local member = found[i]
	local id = string.sub(member, 4)
	local entry = redis.call('XRANGE', KEYS[2 + string.sub(member, 1, 2)], id, id)[1]
	local event = entry and entry[2][4]
	if event and (string.find(event, ARGV[3], 1, true)
		or string.find(event, '\\', 1, true)) then
		local n = #out
		out[n + 1], out[n + 2] = found[i + 1], member
		out[n + 3], out[n + 4] = entry[2][2], event
	end
	out[1] = found[i + 1]
end
return out
