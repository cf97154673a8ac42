#!lua flags=allow-oom
-- Where one event stands with each of some subscriptions.
-- KEYS: per subscription: parked:<lane>, parked:<sub>~replay, dead:<sub>
-- ARGV: member
-- Returns per key the score, or false.
local out = {}
for i = 1, #KEYS do
	out[i] = redis.call('ZSCORE', KEYS[i], ARGV[1])
end
return out
