#!lua flags=allow-oom
-- Changes the status beside a record, and announces the change. Compare and swap: any node may do
-- it. Has allow-oom: disabling a receiver must work when memory is short.
-- KEYS: subs:records, subs:changes, subs:version, and with a note: p<N>:events
-- ARGV: id, status it must have now, new status, new etag ("": it stays), and with a note: its
--       owner, its event
-- Returns {"ok", serial, version} (also when it has that status already) | {"missing"} |
--         {"changed", value}.
local id, expected, status, etag = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local version = redis.call('GET', KEYS[3])
if not version then
	return redis.error_reply('NOREGISTRY ' .. KEYS[3] .. ' is gone')
end
local value = redis.call('HGET', KEYS[1], id)
if not value then
	return {'missing'}
end
local serial, old_etag, fingerprint, rest = string.match(value, '^(%d+) (%S+) (%S+)\n(.*)$')
if rest == '' then
	return {'missing'}
end
local record, now = string.match(rest, '^([^\n]*)\n(.*)$')
record, now = record or rest, now or ''
if now == status then
	return {'ok', serial, version}
end
if now ~= expected then
	return {'changed', value}
end
if etag == '' then
	etag = old_etag
end
if status ~= '' then
	record = record .. '\n' .. status
end
redis.call('HSET', KEYS[1], id, serial .. ' ' .. etag .. ' ' .. fingerprint .. '\n' .. record)
if #KEYS > 3 then
	redis.call('XADD', KEYS[4], 'NOMKSTREAM', '*', 'o', ARGV[5], 'e', ARGV[6])
end
local change = redis.call('XADD', KEYS[2], '*', 'id', id, 'before', version)
redis.call('XTRIM', KEYS[2], 'MAXLEN', '~', 10000)
redis.call('SET', KEYS[3], change)
return {'ok', serial, change}
