#!lua
-- Parks an event of ours for one subscription, without matching: it passes through its stream only
-- for an id that no other event has, and no group reads it. Has no allow-oom: nobody owes it.
-- KEYS: p<N>:events, due, kept, refs, parked:<lane>
-- ARGV: N, lane, owner, event
-- Returns its member.
local id = redis.call('XADD', KEYS[1], 'NOMKSTREAM', '*', 'o', ARGV[3], 'e', ARGV[4])
if not id then
	return redis.error_reply('NOSTREAM ' .. KEYS[1])
end
redis.call('XDEL', KEYS[1], id)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ms, seq = string.match(id, '^(%d+)-(%d+)$')
local member = string.format('%02d-%s-', ARGV[1], ms) .. string.rep('0', 10 - #seq) .. seq
redis.call('HSET', KEYS[3], member, ARGV[3] .. '\n' .. ARGV[4])
redis.call('HINCRBY', KEYS[4], member, 1)
redis.call('ZADD', KEYS[5], now * 64, member)
redis.call('ZADD', KEYS[2], 'LT', now, ARGV[2])
return member
