#!lua flags=allow-oom
-- Puts a tombstone in place of a record, and announces the change. Safe to repeat after a lost
-- reply, as in registry_put.lua. Has allow-oom: what fills the memory may be parked for this very
-- subscription.
-- KEYS: subs:records, subs:changes, subs:version, subs:fingerprints, replays, subs:counts
-- ARGV: id, etag it must have now ("*": any), etag of the tombstone, owner ("": not counted)
-- Returns {"ok", serial, version} | {"missing"} | {"changed", value}.
local id, expected, etag, owner = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local version = redis.call('GET', KEYS[3])
if not version then
	return redis.error_reply('NOREGISTRY ' .. KEYS[3] .. ' is gone')
end
local value = redis.call('HGET', KEYS[1], id)
if not value then
	return {'missing'}
end
local serial, old_etag, fingerprint, at = string.match(value, '^(%d+) (%S+) (%S+)\n()')
if old_etag == etag then
	return {'ok', serial, version}
end
if at > #value then
	return {'missing'}
end
if expected ~= '*' and expected ~= old_etag then
	return {'changed', value}
end
if owner ~= '' and redis.call('HINCRBY', KEYS[6], owner, -1) <= 0 then
	redis.call('HDEL', KEYS[6], owner)
end
if redis.call('HGET', KEYS[4], fingerprint) == id then
	redis.call('HDEL', KEYS[4], fingerprint)
end
redis.call('HSET', KEYS[1], id, serial .. ' ' .. etag .. ' ' .. fingerprint .. '\n')
redis.call('HDEL', KEYS[5], id)
local change = redis.call('XADD', KEYS[2], '*', 'id', id, 'before', version)
redis.call('XTRIM', KEYS[2], 'MAXLEN', '~', 10000)
redis.call('SET', KEYS[3], change)
return {'ok', serial, change}
