#!lua flags=allow-oom
-- API keys: adds or removes one, when asked to; each change gets a new version.
-- KEYS: apikeys, apikeys:version
-- ARGV: id, its JSON (empty: it is removed), how many there may be
-- Returns the number of changes: 1, or 0 when there was none to remove; -1: there are too many.
local id, json = ARGV[1], ARGV[2]
if json == '' then
	if redis.call('HDEL', KEYS[1], id) == 0 then
		return 0
	end
elseif redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) and
	redis.call('HEXISTS', KEYS[1], id) == 0 then
	return -1
else
	redis.call('HSET', KEYS[1], id, json)
end
redis.call('INCR', KEYS[2])
return 1
