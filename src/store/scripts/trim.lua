#!lua flags=allow-oom
-- Trims settled events past the cutoff: never one that any group has not read or not acked.
-- KEYS: p<N>:events
-- ARGV: cutoff id ("<ms>-0"), most entries (0: no bound, where Redis' own default is 10 000)
-- Returns how many went.
local function parts(id)
	local ms, seq = string.match(id, '^(%d+)-(%d+)$')
	return tonumber(ms), tonumber(seq)
end
local function lower(a, b)
	local a_ms, a_seq = parts(a)
	local b_ms, b_seq = parts(b)
	return a_ms < b_ms or (a_ms == b_ms and a_seq < b_seq)
end
local groups = redis.call('XINFO', 'GROUPS', KEYS[1])
if #groups == 0 then
	return redis.error_reply('NOGROUP ' .. KEYS[1] .. ' has no group: not trimmed')
end
local floor = ARGV[1]
for _, group in ipairs(groups) do
	local info = {}
	for i = 1, #group, 2 do
		info[group[i]] = group[i + 1]
	end
	local bound = redis.call('XPENDING', KEYS[1], info['name'])[2]
	if not bound then
		-- Everything up to and with the last one read is acked.
		local ms, seq = string.match(info['last-delivered-id'], '^(%d+)-(%d+)$')
		bound = ms .. '-' .. string.format('%.0f', tonumber(seq) + 1)
	end
	if lower(bound, floor) then
		floor = bound
	end
end
return redis.call('XTRIM', KEYS[1], 'MINID', '~', floor, 'LIMIT', ARGV[2])
