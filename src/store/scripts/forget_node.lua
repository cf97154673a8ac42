#!lua flags=allow-oom
-- Takes a dead node off the list once nothing is pending with it and its heartbeat is still the
-- last one seen.
-- KEYS: nodes, p<N>:events …
-- ARGV: node, its last value, group
-- Returns 1 when it is off the list, 0 when something is left.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then
	return 0
end
for i = 2, #KEYS do
	if #redis.call('XPENDING', KEYS[i], ARGV[3], '-', '+', 1, ARGV[1]) > 0 then
		return 0
	end
end
return redis.call('HDEL', KEYS[1], ARGV[1])
