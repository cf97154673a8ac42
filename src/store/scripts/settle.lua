#!lua flags=allow-oom
-- Parks what an event in hand still owes, and acks it. Parks nothing if the event is not pending
-- with this node any more (only a cursor goes if it is pending with nobody). The ack is the last
-- write: after an error in the middle the event is still pending.
-- KEYS: p<N>:events, due, kept, refs, cursors, then per delivery: parked:<lane> or dead:<sub>
-- ARGV: group, consumer, event id, member, "1" to ack, cursor ("": none), then per delivery:
--       lane, "park" or "dead", delay ms, attempt
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
if #KEYS > 5 and redis.call('HEXISTS', KEYS[3], member) == 0 then
	local entry = redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[3])[1]
	if not entry then
		return -1
	end
	redis.call('HSET', KEYS[3], member, entry[2][2] .. '\n' .. entry[2][4])
end
local added = 0
for i = 6, #KEYS do
	local at = 7 + (i - 6) * 4
	local lane, attempt = ARGV[at], tonumber(ARGV[at + 3])
	if ARGV[at + 1] == 'dead' then
		added = added + redis.call('ZADD', KEYS[i], 'NX', now * 64 + attempt, member)
	else
		local due = now + tonumber(ARGV[at + 2])
		added = added + redis.call('ZADD', KEYS[i], 'NX', due * 64 + attempt, member)
		redis.call('ZADD', KEYS[2], 'LT', math.min(due, now + 600000), lane)
	end
end
if added > 0 then
	redis.call('HINCRBY', KEYS[4], member, added)
elseif #KEYS > 5 and redis.call('HEXISTS', KEYS[4], member) == 0 then
	redis.call('HDEL', KEYS[3], member)
end
if ARGV[5] == '1' then
	redis.call('HDEL', KEYS[5], member)
	redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
elseif ARGV[6] ~= '' then
	redis.call('HSET', KEYS[5], member, ARGV[6])
end
return now
