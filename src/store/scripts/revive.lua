#!lua flags=allow-oom
-- Parks dead letters, or events that their stream still has, once more: as if never attempted, each
-- a little later than the one before, or, of an ordered subscription, waiting in the order of their
-- ids (score 0, as in claim_strict.lua). A dead letter goes with its why in the same call and its
-- reference moves; an event is copied to what is kept, if it is not there. A dead letter without a
-- copy gets one from its stream, or stays where it is. A job's value, if one is named, moves on in
-- the same call, and only from the value that the caller knew.
-- KEYS: due, parked:<lane>, dead:<sub>, kept, refs, why, replays, p0:events and all others
-- ARGV: lane, sub, delay ms of the first, spread ms, job ("": none), its value before, its value
--       after ("": the job is done), "1" when the subscription is ordered, then per delivery:
--       member, event id, "dead" | "event"
-- Returns how many were parked; -1: the job has moved on, nothing was done.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lane, job = ARGV[1], ARGV[5]
if job ~= '' and redis.call('HGET', KEYS[7], job) ~= ARGV[6] then
	return -1
end
local due, n = now + tonumber(ARGV[3]), 0
local function park(member)
	return redis.call('ZADD', KEYS[2], 'NX', ARGV[8] == '1' and 0 or due * 64, member)
end
local function keep(member, id)
	if redis.call('HSTRLEN', KEYS[4], member) > 0 then
		return true
	end
	local stream = KEYS[8 + tonumber(string.match(member, '^%d+'))]
	local entry = redis.call('XRANGE', stream, id, id)[1]
	if entry then
		redis.call('HSET', KEYS[4], member, entry[2][2] .. '\n' .. entry[2][4])
	end
	return entry ~= nil
end
for i = 9, #ARGV, 3 do
	local member, parked = ARGV[i], 0
	if ARGV[i + 2] == 'dead' then
		if redis.call('ZSCORE', KEYS[3], member) and keep(member, ARGV[i + 1]) and
			redis.call('ZREM', KEYS[3], member) == 1 then
			redis.call('HDEL', KEYS[6], ARGV[2] .. ' ' .. member)
			parked = park(member)
			if parked == 0 then
				redis.call('HINCRBY', KEYS[5], member, -1)
			end
		end
	elseif not redis.call('ZSCORE', KEYS[2], member) and keep(member, ARGV[i + 1]) then
		parked = park(member)
		redis.call('HINCRBY', KEYS[5], member, 1)
	end
	if parked == 1 then
		redis.call('ZADD', KEYS[1], 'LT', math.min(due, now + 600000), lane)
		due, n = due + tonumber(ARGV[4]), n + 1
	end
end
if job ~= '' and ARGV[7] ~= '' then
	redis.call('HSET', KEYS[7], job, ARGV[7])
elseif job ~= '' then
	redis.call('HDEL', KEYS[7], job)
end
return n
