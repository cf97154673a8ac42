#!lua flags=allow-oom
-- Moves pending events of a dead node to another; the sweep of that node then takes them up. In one
-- script, so that two heirs never rob each other, and JUSTID, so that moving does not count as a
-- delivery.
-- KEYS: p<N>:events
-- ARGV: group, dead consumer, heir, most
-- Returns {asked, moved}; asked minus moved are events whose content is gone.
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', ARGV[4], ARGV[2])
if #pending == 0 then
	return {0, 0}
end
local ids = {}
for i = 1, #pending do
	ids[i] = pending[i][1]
end
local claim = {'XCLAIM', KEYS[1], ARGV[1], ARGV[3], '0'}
for i = 1, #ids do
	claim[#claim + 1] = ids[i]
end
claim[#claim + 1] = 'JUSTID'
return {#ids, #redis.call(unpack(claim))}
