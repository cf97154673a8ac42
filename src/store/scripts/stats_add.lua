#!lua flags=allow-oom
-- Adds to what is counted of one subscription, and sets what was last.
-- KEYS: stats:<sub>
-- ARGV: how many are added, then of each: name, number; then of each that is set: name, value
local n = tonumber(ARGV[1])
for i = 2, #ARGV, 2 do
	if i < 2 + 2 * n then
		redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1])
	else
		redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
	end
end
return 1
