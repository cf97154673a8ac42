#!lua flags=allow-oom
-- Takes out of index keys what is not readable any more: entries at or below by:floor, and those
-- whose stream begins later. Looks at the four oldest of each key, and if any goes, at more.
-- KEYS: by:floor, p<N>:events of all N from 0, by:<kind>:<value> …
-- ARGV: number of streams, entries looked at per key
-- Returns {entries removed, then the places of those keys (from 0) that may have more to give}.
local streams, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local floor = tonumber(redis.call('GET', KEYS[1]) or nil) or 0
local first = {}
for n = 1, streams do
	local entry = redis.call('XRANGE', KEYS[1 + n], '-', '+', 'COUNT', 1)[1]
	if entry then
		local ms, seq = string.match(entry[1], '^(%d+)-(%d+)$')
		first[n] = {tonumber(ms), tonumber(seq)}
	end
end
local function is_gone(member, score)
	if tonumber(score) <= floor then
		return true
	end
	local n, ms, seq = string.match(member, '^(%d+)-(%d+)-(%d+)$')
	local begin = first[tonumber(n) + 1]
	ms, seq = tonumber(ms), tonumber(seq)
	return not begin or ms < begin[1] or (ms == begin[1] and seq < begin[2])
end
local function oldest(key, n)
	local found, gone = redis.call('ZRANGE', key, 0, n - 1, 'WITHSCORES'), {}
	for k = 1, #found, 2 do
		if is_gone(found[k], found[k + 1]) then
			gone[#gone + 1] = found[k]
		end
	end
	return gone
end
local out = {0}
for i = 2 + streams, #KEYS do
	local gone = oldest(KEYS[i], 4)
	if #gone > 0 then
		gone = oldest(KEYS[i], limit)
	end
	if #gone > 0 then
		out[1] = out[1] + redis.call('ZREM', KEYS[i], unpack(gone))
	end
	if #gone == limit then
		out[#out + 1] = i - 2 - streams
	end
end
return out
