#!lua flags=allow-oom
-- Writes one pause, or its end, and numbers the change, so that followers ask what is newer than a
-- number. An end stays for a while, for those who follow, and as long as what it ends would have
-- lasted, a week where that had no end: who was cut off has it still. It is dropped with what ran
-- out.
-- KEYS: pauses, pauses:changes, pauses:until, pauses:serial
-- ARGV: id, for so many ms (0: until it is removed; -1: remove), how long an end is kept at least,
--       kind, who, reason
-- A stored value is "until kind who\n" .. reason; until 0: until it is removed.
-- Returns 1 when something changed.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local id, ms = ARGV[1], tonumber(ARGV[2])
local before = redis.call('HGET', KEYS[1], id)
local text = ARGV[5] .. '\n' .. ARGV[6]
local till, score
if ms < 0 then
	if not before or string.find(before, '^%d+ ended ') then
		return 0
	end
	till, score, text = now, now + tonumber(ARGV[3]), 'ended ' .. text
elseif ms == 0 then
	till, score, text = 0, '+inf', ARGV[4] .. ' ' .. text
else
	till, text = now + ms, ARGV[4] .. ' ' .. text
	score = till + tonumber(ARGV[3])
end
if ms ~= 0 and before then
	local kept = redis.call('ZSCORE', KEYS[3], id) or '0'
	score = math.max(score, kept == 'inf' and now + 604800000 or tonumber(kept))
end
redis.call('HSET', KEYS[1], id, string.format('%.0f', till) .. ' ' .. text)
redis.call('ZADD', KEYS[2], redis.call('INCR', KEYS[4]), id)
redis.call('ZADD', KEYS[3], score, id)
return 1
