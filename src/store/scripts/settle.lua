#!lua flags=allow-oom
-- Parks what an event in hand still owes, and acks it. Parks nothing if the event is not pending
-- with this node any more (only a cursor goes if it is pending with nobody). The ack is the last
-- write: after an error in the middle the event is still pending.
-- A strict lane ("strict", "order", "batch") that is held, or rests, is looked at when it is free.
-- In an ordered lane what waits has score 0, so that it sorts by its id. A dead letter's note is
-- appended to the event's own stream when the letter is new.
-- "bare" is a dead letter that keeps no copy: what is kept of its event is empty, unless somebody
-- needs it, and its stream has the event as long as it has it.
-- KEYS: p<N>:events, due, kept, refs, cursors, why, held, then per delivery: parked:<lane> or
--       dead:<sub>
-- ARGV: group, consumer, event id, member, "1" to ack, cursor ("": none), "1" when any but "bare"
--       is among them, then per delivery:
--       lane, verb, delay ms, attempt, and after "dead" and "bare": why ("": none), owner of the
--       note, note ("": none); after "look", "strict", "order" and "batch": look no sooner than in
--       so many ms, so many fill a batch; after "park": nothing
-- Returns Redis' now in ms; 0: not pending with me; -1: the event's content is gone.
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2])
if #pending == 0 then
	if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1) == 0 then
		redis.call('HDEL', KEYS[5], ARGV[4])
	end
	return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local member = ARGV[4]
if #KEYS > 7 and redis.call('HSTRLEN', KEYS[3], member) == 0 then
	local entry = redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[3])[1]
	if not entry then
		return -1
	end
	local whole = ARGV[7] == '1' and entry[2][2] .. '\n' .. entry[2][4]
	redis.call('HSET', KEYS[3], member, whole or '')
end
local function bury(dead, at, attempt)
	local field = ARGV[at] .. ' ' .. member
	local before = tonumber(redis.call('ZSCORE', dead, member) or nil)
	local score = now * 64 + attempt
	if before and before >= score then
		return 0
	end
	redis.call('ZADD', dead, score, member)
	if ARGV[at + 4] ~= '' then
		redis.call('HSET', KEYS[6], field, ARGV[at + 4])
	else
		redis.call('HDEL', KEYS[6], field)
	end
	if not before and ARGV[at + 6] ~= '' then
		redis.call('XADD', KEYS[1], 'NOMKSTREAM', '*', 'o', ARGV[at + 5], 'e', ARGV[at + 6])
	end
	return before and 0 or 1
end
-- When to look at a lane that is more than "park".
local function look_at(parked, at, due)
	local verb, look = ARGV[at + 1], math.max(due, now + tonumber(ARGV[at + 4]))
	if verb == 'batch' and look == due and
		redis.call('ZCOUNT', parked, '-inf', due * 64 + 63) >= tonumber(ARGV[at + 5]) then
		look = now
	end
	if verb == 'look' then
		return look
	end
	local rest = string.match(ARGV[at], '^[^/~]+') .. '~rest'
	local held = redis.call('HMGET', KEYS[7], ARGV[at], rest)
	local free = held[1] and tonumber(string.match(held[1], '^%d+')) or 0
	return math.max(look, free, tonumber(held[2] or 0))
end
local added, at = 0, 8
for i = 8, #KEYS do
	local verb, attempt = ARGV[at + 1], tonumber(ARGV[at + 3])
	if verb == 'dead' or verb == 'bare' then
		added = added + bury(KEYS[i], at, attempt)
		at = at + 7
	else
		local due = now + (verb == 'order' and 0 or tonumber(ARGV[at + 2]))
		local score = verb == 'order' and 0 or due * 64 + attempt
		added = added + redis.call('ZADD', KEYS[i], 'NX', score, member)
		local look = verb == 'park' and due or look_at(KEYS[i], at, due)
		redis.call('ZADD', KEYS[2], 'LT', math.min(look, now + 600000), ARGV[at])
		at = at + (verb == 'park' and 4 or 6)
	end
end
if added > 0 then
	redis.call('HINCRBY', KEYS[4], member, added)
elseif #KEYS > 7 and redis.call('HEXISTS', KEYS[4], member) == 0 then
	redis.call('HDEL', KEYS[3], member)
end
if ARGV[5] == '1' then
	redis.call('HDEL', KEYS[5], member)
	redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
elseif ARGV[6] ~= '' then
	redis.call('HSET', KEYS[5], member, ARGV[6])
end
return now
