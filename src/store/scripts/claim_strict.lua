#!lua flags=allow-oom
-- Takes deliveries of a lane that is claimed whole: refused while the lane is held or its
-- subscription rests ("<sub>~rest", for a rate, over all of its lanes); what is taken holds it,
-- until "last" of resolve names the token, or for so many ms. Leases as in claim.lua.
-- "strict": the first that are due, while its replay's lane ("<sub>~replay"), or of that the live
-- one, is not held: a rate and a number at a time are for both together. "wait" and "skip": the
-- one that is next in order. What waits has score 0 and sorts by its id; only what is in hand or
-- in retry has a time. The first waiting is next only when no event before it is pending in its
-- partition. A retry holds all up ("wait") or is passed by ("skip"). A replay ("<sub>~replay") is
-- one such line over all keys, by partition and by id within it: with "wait" what fails holds up
-- all of it. Its events were stored before: what is pending says nothing of them. "batch": what is
-- due, and with it, or once they fill a batch, those that still wait for others: first attempts
-- that are due within the time a batch may wait. A retry is never early.
-- KEYS: due, parked:<lane>, kept, held, and for "wait" and "skip" p<N>:events (a replay: any)
-- ARGV: lane, "strict" | "wait" | "skip" | "batch", limit, lease ms, look again ms (with limit 0),
--       token, hold ms, group, and for "batch": so many fill it, ms it may wait, most bytes of
--       events (one may be above)
-- Returns {now ms, then per delivery: member, attempt, lease, owner "\n" event (false: gone)}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lane, mode, limit = ARGV[1], ARGV[2], tonumber(ARGV[3])
local out = {now}
local sub = string.match(lane, '^[^/~]+')
local rest = sub .. '~rest'
local ordered = mode == 'wait' or mode == 'skip'
local is_replay = string.sub(lane, -7) == '~replay'
local beside = is_replay and sub or sub .. '~replay'
local held = redis.call('HMGET', KEYS[4], lane, rest, beside)
local rested = tonumber(held[2] or 0)
-- Nothing is held or rests for ten minutes, and nothing is parked for a month: what seems to be was
-- written while the clock was wrong.
local function near(till)
	return till <= now + 600000 and till or 0
end
local function is_far(when)
	return when > now + 2592000000
end
local function held_till(value)
	return near(value and tonumber(string.match(value, '^%d+')) or 0)
end
local free = math.max(held_till(held[1]), near(rested))
local is_beside = mode == 'strict' and held_till(held[3]) > now

local function take(member, score)
	local attempt = math.min(score % 64 + 1, 63)
	local lease = (now + tonumber(ARGV[4])) * 64 + attempt
	redis.call('ZADD', KEYS[2], 'XX', lease, member)
	out[#out + 1] = member
	out[#out + 1] = attempt
	out[#out + 1] = string.format('%.0f', lease)
	out[#out + 1] = redis.call('HGET', KEYS[3], member)
end

-- What is in hand or in retry and due first. What was revived before its subscription was ordered
-- has a time without an attempt: it waits, too. Nil: that is more than one call puts right.
local function first_timed()
	for _ = 1, 1000 do
		local timed = redis.call('ZRANGE', KEYS[2], '(0', '+inf', 'BYSCORE',
			'LIMIT', 0, 1, 'WITHSCORES')
		if not is_replay or #timed == 0 or tonumber(timed[2]) % 64 > 0 then
			return timed
		end
		redis.call('ZADD', KEYS[2], 'XX', 0, timed[1])
	end
end

local function take_next()
	local timed = first_timed()
	if not timed then
		return now
	end
	local when = #timed > 0 and math.floor(tonumber(timed[2]) / 64)
	if when and (when <= now or is_far(when)) then
		take(timed[1], tonumber(timed[2]))
		return now
	end
	local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'BYSCORE', 'LIMIT', 0, 1)
	if #first == 0 or (when and mode == 'wait') then
		return when
	end
	-- A member is "<NN>-<ms>-<seq, 10 digits>"; ids are compared by parts.
	local ms, seq = string.match(first[1], '^%d+%-(%d+)%-(%d+)$')
	local pending = not is_replay and
		redis.call('XPENDING', KEYS[5], ARGV[8], '-', '+', 1)[1]
	if pending then
		local pending_ms, pending_seq = string.match(pending[1], '^(%d+)-(%d+)$')
		pending_ms, ms = tonumber(pending_ms), tonumber(ms)
		if pending_ms < ms or
			(pending_ms == ms and tonumber(pending_seq) <= tonumber(seq)) then
			return math.min(when or math.huge, now + 50)
		end
	end
	take(first[1], 0)
	return now
end

-- Of a batch: what is not due yet and need not wait any longer.
local function add_early(due)
	local early = redis.call('ZRANGE', KEYS[2], now * 64 + 64,
		(now + tonumber(ARGV[10])) * 64 + 63, 'BYSCORE', 'LIMIT', 0, 512, 'WITHSCORES')
	local found = #due
	for i = 1, #early, 2 do
		if tonumber(early[i + 1]) % 64 == 0 then
			due[#due + 1] = early[i]
			due[#due + 1] = early[i + 1]
		end
	end
	return found > 0 or #due >= 2 * tonumber(ARGV[9])
end

local function take_due()
	local due = redis.call('ZRANGE', KEYS[2], '-inf', now * 64 + 63, 'BYSCORE',
		'LIMIT', 0, limit, 'WITHSCORES')
	if mode == 'batch' and #due < 2 * limit and not add_early(due) then
		return
	end
	local bytes = 0
	for i = 1, math.min(#due, 2 * limit), 2 do
		local kept = mode == 'batch' and redis.call('HGET', KEYS[3], due[i])
		bytes = bytes + (kept and #kept - string.find(kept, '\n', 1, true) or 0)
		if i > 1 and mode == 'batch' and bytes > tonumber(ARGV[11]) then
			return
		end
		take(due[i], tonumber(due[i + 1]))
	end
end

local when
if free <= now and limit > 0 and not is_beside then
	if ordered then
		when = take_next()
	else
		take_due()
	end
	if #out > 1 then
		free = now + tonumber(ARGV[7])
		redis.call('HSET', KEYS[4], lane, string.format('%.0f ', free) .. ARGV[6])
	elseif held[1] then
		redis.call('HDEL', KEYS[4], lane)
	end
	if held[2] then
		redis.call('HDEL', KEYS[4], rest)
	end
end
local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
if #first == 0 then
	redis.call('ZREM', KEYS[1], lane)
else
	when = when or math.floor(tonumber(first[2]) / 64)
	if is_far(when) then
		when = now
		redis.call('ZADD', KEYS[2], 'XX', now * 64 + tonumber(first[2]) % 64, first[1])
	end
	-- Behind the lanes that are due already: they take turns.
	when = math.max(when, now, free)
	if limit == 0 then
		when = math.max(when, now + tonumber(ARGV[5]))
	elseif is_beside then
		when = math.max(when, now + 50)
	end
	redis.call('ZADD', KEYS[1], math.min(when, now + 600000), lane)
end
return out
