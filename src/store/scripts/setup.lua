#!lua flags=allow-oom
-- Makes the shard on a fresh Redis, or tells what is there. Never repairs: a shard with parts
-- missing is an alarm for people. On a full Redis it works, too: what waits there is to be
-- delivered.
-- KEYS: meta, subs:version, p<N>:events …
-- ARGV: format, server id, hash seed, group
-- Returns {format, server id, hash seed, partitions, streams without their group}.
local meta = redis.call('HMGET', KEYS[1], 'format', 'server', 'seed', 'partitions')
if not meta[1] then
	for i = 2, #KEYS do
		if redis.call('EXISTS', KEYS[i]) == 1 then
			return redis.error_reply('NOMETA ' .. KEYS[1] .. ' is gone: ' .. KEYS[i])
		end
	end
	for i = 3, #KEYS do
		redis.call('XGROUP', 'CREATE', KEYS[i], ARGV[4], '0', 'MKSTREAM')
	end
	redis.call('SET', KEYS[2], '0-0')
	meta = {ARGV[1], ARGV[2], ARGV[3], tostring(#KEYS - 2)}
	redis.call('HSET', KEYS[1], 'format', meta[1], 'server', meta[2], 'seed', meta[3],
		'partitions', meta[4], 'shards', '1')
end
local missing = 0
for i = 3, #KEYS do
	local found = false
	if redis.call('EXISTS', KEYS[i]) == 1 then
		for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[i])) do
			found = found or group[2] == ARGV[4]
		end
	end
	if not found then
		missing = missing + 1
	end
end
return {meta[1], meta[2], meta[3], meta[4], missing}
