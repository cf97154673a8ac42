#!lua flags=allow-oom
-- The server's own signing keys: adds one, when asked to, then reads them. Drops those that nobody
-- needs any more.
-- KEYS: keys
-- ARGV: kid (empty: none is added), its text, how long the former key signs beside it in ms (-1: it
--       is added only when there is none), how long a key is kept after it signed, in ms, how many
--       are kept
-- A stored value is "created until text"; until 0: it is the current one.
-- Returns {Redis' now in ms, then per key, the current one first, then the newest: kid, created,
--          until, text}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local kid, overlap = ARGV[1], tonumber(ARGV[3])
local keys, known, created = {}, false, now
local flat = redis.call('HGETALL', KEYS[1])
for i = 1, #flat, 2 do
	local from, till, text = string.match(flat[i + 1], '^(%d+) (%d+) (.*)$')
	local key = {kid = flat[i], created = tonumber(from), till = tonumber(till), text = text}
	keys[#keys + 1] = key
	known = known or key.kid == kid
	created = math.max(created, key.created + 1)
end
local function store(key)
	redis.call('HSET', KEYS[1], key.kid,
		string.format('%.0f %.0f ', key.created, key.till) .. key.text)
end
if kid ~= '' and not known and (overlap >= 0 or #keys == 0) then
	for _, key in ipairs(keys) do
		if key.till == 0 then
			key.till = now + overlap
			store(key)
		end
	end
	keys[#keys + 1] = {kid = kid, created = created, till = 0, text = ARGV[2]}
	store(keys[#keys])
end
table.sort(keys, function(a, b)
	if (a.till == 0) ~= (b.till == 0) then
		return a.till == 0
	end
	return a.created > b.created
end)
local out = {now}
for i, key in ipairs(keys) do
	if i > tonumber(ARGV[5]) or (key.till > 0 and key.till + tonumber(ARGV[4]) <= now) then
		redis.call('HDEL', KEYS[1], key.kid)
	else
		for _, value in ipairs({key.kid, key.created, key.till, key.text}) do
			out[#out + 1] = value
		end
	end
end
return out
