#!lua
-- Writes one subscription record, and announces the change. Safe to repeat after a lost reply: the
-- same etag again is a success without a change.
-- The job of a replay ends now, by the clock that events are stored by: what comes behind the
-- record is matched with it, so nothing may lie between.
-- Counts how many live records each owner has, by what the caller says of the owner, up to a bound.
-- KEYS: subs:records, subs:changes, subs:version, subs:serial, subs:fingerprints, replays,
--       subs:counts, and with a note: p<N>:events
-- ARGV: id, etag it must have now ("": must not exist; "*": any), new etag, fingerprint, record,
--       "1" to set the status or "=" and what it must be now, status, job of a replay ("": none),
--       owner ("": not counted), so many it may have ("0": no bound), and with a note: its owner,
--       its event
-- A stored value is "serial etag fingerprint\n" .. record, and "\n" .. status where there is one;
-- of a tombstone (registry_drop.lua) the record is empty.
-- Returns {"ok", serial, version} | {"same", id of the identical one, its value} |
--         {"exists"} | {"missing"} | {"changed", value} |
--         {"full", so many the owner has}.
local id, expected, etag, fingerprint, record = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local version = redis.call('GET', KEYS[3])
if not version then
	return redis.error_reply('NOREGISTRY ' .. KEYS[3] .. ' is gone')
end
local value = redis.call('HGET', KEYS[1], id)
local serial, old_etag, old_fingerprint
local status = ARGV[7] or ''
if value then
	local at
	serial, old_etag, old_fingerprint, at = string.match(value, '^(%d+) (%S+) (%S+)\n()')
	if old_etag == etag then
		return {'ok', serial, version}
	end
	if expected == '' then
		return {'exists'}
	end
	if at > #value then
		return {'missing'}
	end
	if expected ~= '*' and expected ~= old_etag then
		return {'changed', value}
	end
	local now = string.match(value, '^[^\n]*\n[^\n]*\n(.*)$') or ''
	local sets = ARGV[6] or ''
	if string.sub(sets, 1, 1) == '=' and string.sub(sets, 2) ~= now then
		return {'changed', value}
	end
	if sets == '' or sets == '0' then
		status = now
	end
elseif expected ~= '' then
	return {'missing'}
else
	local twin = redis.call('HGET', KEYS[5], fingerprint)
	if twin then
		return {'same', twin, redis.call('HGET', KEYS[1], twin)}
	end
	local owner, most = ARGV[9] or '', tonumber(ARGV[10] or 0)
	local used = owner ~= '' and tonumber(redis.call('HGET', KEYS[7], owner) or 0) or 0
	if most > 0 and used >= most then
		return {'full', used}
	end
	if owner ~= '' then
		redis.call('HINCRBY', KEYS[7], owner, 1)
	end
	serial = string.format('%.0f', redis.call('INCR', KEYS[4]))
end
if old_fingerprint and redis.call('HGET', KEYS[5], old_fingerprint) == id then
	redis.call('HDEL', KEYS[5], old_fingerprint)
end
redis.call('HSETNX', KEYS[5], fingerprint, id)
if status ~= '' then
	record = record .. '\n' .. status
end
redis.call('HSET', KEYS[1], id, serial .. ' ' .. etag .. ' ' .. fingerprint .. '\n' .. record)
if (ARGV[8] or '') ~= '' then
	local time = redis.call('TIME')
	local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
	redis.call('HSETNX', KEYS[6], id,
		(string.gsub(ARGV[8], '^(%S+ %S+ %S+ )%S+', '%1' .. now)))
end
if #KEYS > 7 then
	redis.call('XADD', KEYS[8], 'NOMKSTREAM', '*', 'o', ARGV[11], 'e', ARGV[12])
end
local change = redis.call('XADD', KEYS[2], '*', 'id', id, 'before', version)
redis.call('XTRIM', KEYS[2], 'MAXLEN', '~', 10000)
redis.call('SET', KEYS[3], change)
return {'ok', serial, change}
