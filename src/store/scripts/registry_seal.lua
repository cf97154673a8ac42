#!lua flags=allow-oom
-- Writes a record anew, its secrets sealed with another key, unless it is another by now. Nothing
-- that anybody sees changes, so the etag stays; nodes read it again.
-- KEYS: subs:records, subs:changes, subs:version
-- ARGV: id, the record as it was, the new one
-- Returns {"ok", serial, version} | {"missing"} | {"changed", value}.
local id = ARGV[1]
local version = redis.call('GET', KEYS[3])
if not version then
	return redis.error_reply('NOREGISTRY ' .. KEYS[3] .. ' is gone')
end
local value = redis.call('HGET', KEYS[1], id)
if not value then
	return {'missing'}
end
local head, serial, rest = string.match(value, '^((%d+) %S+ %S+\n)(.*)$')
if rest == '' then
	return {'missing'}
end
local record, status = string.match(rest, '^([^\n]*)(.*)$')
if record ~= ARGV[2] then
	return {'changed', value}
end
redis.call('HSET', KEYS[1], id, head .. ARGV[3] .. status)
local change = redis.call('XADD', KEYS[2], '*', 'id', id, 'before', version)
redis.call('XTRIM', KEYS[2], 'MAXLEN', '~', 10000)
redis.call('SET', KEYS[3], change)
return {'ok', serial, change}
