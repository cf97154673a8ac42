#!lua flags=allow-oom
-- Ends the attempts of one lane. "again" and "dead" need the lease that the attempt ran under;
-- "done" does not, but for a delivery that somebody revived meanwhile (attempt 0).
-- "last" is the token of the claim whose last attempt this was: the lane is free again, and its
-- subscription rests, for what was attempted in all of its lanes. "again" with attempt 0 in an
-- ordered lane or a batch: no attempt was made, so what is ordered goes back to its place, and the
-- lane waits. "later" is that for what is asked about: others of its batch go on, or a lane would
-- take so many turns, each with a wait, that no answer is still known when its turn comes again.
-- KEYS: due, parked:<lane>, dead:<sub>, kept, refs, why, held, and with a note p<N>:events
-- ARGV: lane, sub, mode ("plain" or as in claim_strict.lua), last ("": not yet), rest ms, so many
--       fill a batch, ms it may wait, then per delivery: member, "done" | "again" | "later" |
--       "dead" | "forget", lease, delay ms, attempt, and after "dead": why ("": none), owner of
--       the note, note ("": none)
-- Returns per delivery 1 changed, 0 nothing to do.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lane, mode = ARGV[1], ARGV[3]
local ordered = mode == 'wait' or mode == 'skip'
local blocked, out, at, alone = 0, {}, 8, false
local function drop(member, n)
	if n > 0 and redis.call('HINCRBY', KEYS[5], member, -n) <= 0 then
		redis.call('HDEL', KEYS[5], member)
		redis.call('HDEL', KEYS[4], member)
	end
	return n > 0 and 1 or 0
end
local function dig_out(member)
	local n = redis.call('ZREM', KEYS[3], member)
	if n > 0 then
		redis.call('HDEL', KEYS[6], ARGV[2] .. ' ' .. member)
	end
	return n
end
local function bury(member, attempt)
	local field = ARGV[2] .. ' ' .. member
	local before = tonumber(redis.call('ZSCORE', KEYS[3], member) or nil)
	local score = now * 64 + attempt
	redis.call('ZREM', KEYS[2], member)
	if before then
		drop(member, 1)
	end
	if before and before >= score then
		return
	end
	redis.call('ZADD', KEYS[3], score, member)
	if ARGV[at + 5] ~= '' then
		redis.call('HSET', KEYS[6], field, ARGV[at + 5])
	else
		redis.call('HDEL', KEYS[6], field)
	end
	if not before and ARGV[at + 7] ~= '' then
		redis.call('XADD', KEYS[8], 'NOMKSTREAM', '*', 'o', ARGV[at + 6], 'e', ARGV[at + 7])
	end
end
local function again(member, delay, attempt, is_later)
	local score = (now + delay) * 64 + attempt
	alone = alone or is_later
	if attempt == 0 and (ordered or mode == 'batch' and not is_later) then
		blocked = math.max(blocked, now + delay)
		score = ordered and 0 or score
	end
	redis.call('ZADD', KEYS[2], 'XX', score, member)
end
while at <= #ARGV do
	local member, verb, lease = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
	local attempt = tonumber(ARGV[at + 4])
	local score = tonumber(redis.call('ZSCORE', KEYS[2], member) or nil)
	local mine = score ~= nil and score == lease
	local changed = 0
	if verb == 'done' then
		local n = dig_out(member)
		if mine or (score and score % 64 > 0) then
			n = n + redis.call('ZREM', KEYS[2], member)
		end
		changed = drop(member, n)
	elseif verb == 'forget' then
		local n = redis.call('ZREM', KEYS[2], member)
		changed = drop(member, n + dig_out(member))
	elseif mine and (verb == 'again' or verb == 'later') then
		again(member, tonumber(ARGV[at + 3]), attempt, verb == 'later')
		changed = 1
	elseif mine and verb == 'dead' then
		bury(member, attempt)
		changed = 1
	end
	out[#out + 1] = changed
	at = at + (verb == 'dead' and 8 or 5)
end
local free = 0
if mode ~= 'plain' or ARGV[4] ~= '' then
	local held = redis.call('HGET', KEYS[7], lane)
	local till, token = string.match(held or '', '^(%d+) (.*)$')
	local rest = ARGV[2] .. '~rest'
	local rested = tonumber(redis.call('HGET', KEYS[7], rest) or nil) or 0
	rested = rested <= now + 600000 and rested or 0 -- as in claim_strict.lua
	free = math.max(tonumber(till or 0), rested)
	if token == ARGV[4] and token ~= '' then
		redis.call('HDEL', KEYS[7], lane)
		free = rested
		if tonumber(ARGV[5]) > 0 then
			free = math.max(rested, now) + tonumber(ARGV[5])
			redis.call('HSET', KEYS[7], rest, string.format('%.0f', free))
		end
	end
end
local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
if #first == 0 then
	redis.call('ZREM', KEYS[1], lane)
	return out
end
local when = math.floor(tonumber(first[2]) / 64)
if mode == 'batch' and when > now and not alone and redis.call('ZCOUNT', KEYS[2], '-inf',
	(now + tonumber(ARGV[7])) * 64 + 63) >= tonumber(ARGV[6]) then
	when = now
elseif mode == 'wait' and when == 0 then
	local timed = redis.call('ZRANGE', KEYS[2], '(0', '+inf', 'BYSCORE', 'LIMIT', 0, 1,
		'WITHSCORES')
	when = #timed > 0 and math.floor(tonumber(timed[2]) / 64) or 0
end
-- Behind the lanes that are due already: they take turns.
when = math.max(when, now, free, blocked)
redis.call('ZADD', KEYS[1], math.min(when, now + 600000), lane)
return out
