#!lua flags=allow-oom
-- Writes a signing key's text anew, unless it is another by now.
-- KEYS: keys
-- ARGV: kid, the text as it was, the new text
-- Returns 1 when it was written.
local value = redis.call('HGET', KEYS[1], ARGV[1])
local times = value and string.match(value, '^%d+ %d+ ')
if not times or value ~= times .. ARGV[2] then
	return 0
end
redis.call('HSET', KEYS[1], ARGV[1], times .. ARGV[3])
return 1
