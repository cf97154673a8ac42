#!lua flags=allow-oom
-- How many bytes wait in some lanes. Of a long lane a few are looked at, and stand for the rest.
-- KEYS: kept, then per lane: parked:<lane>
-- ARGV: so many are looked at
-- Returns per lane so many bytes.
local out = {}
for i = 2, #KEYS do
	local n, bytes = redis.call('ZCARD', KEYS[i]), 0
	local members = n > 0 and redis.call('ZRANDMEMBER', KEYS[i], ARGV[1]) or {}
	for _, member in ipairs(members) do
		bytes = bytes + redis.call('HSTRLEN', KEYS[1], member)
	end
	out[i - 1] = #members > 0 and math.floor(bytes / #members * n) or 0
end
return out
