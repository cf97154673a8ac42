#!lua flags=allow-oom
-- Counts up this run's heartbeat and shows everybody's. A value is "run counter".
-- KEYS: nodes
-- ARGV: node, run, counter, "1" for the first beat of a run
-- Returns all names and values; an empty list when another run goes by this name.
local value = redis.call('HGET', KEYS[1], ARGV[1])
if value and ARGV[4] ~= '1' and string.match(value, '^%S+') ~= ARGV[2] then
	return {}
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. ARGV[3])
return redis.call('HGETALL', KEYS[1])
