#!lua flags=allow-oom
-- Finds out how far back the streams go, and says so to all who read or write the index: nothing at
-- or below by:floor is readable any more. An event's score is never below the time of its id (but
-- for what a script takes to run), so what is still there lies above.
-- KEYS: by:floor, p0:events, p1:events …
-- ARGV: retention ms, what a script may take at most in ms
-- Returns {events in the streams, ms of the oldest one's id (0: none)}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local n, oldest = 0, nil
for i = 2, #KEYS do
	local first = redis.call('XRANGE', KEYS[i], '-', '+', 'COUNT', 1)[1]
	if first then
		local ms = tonumber(string.match(first[1], '^%d+'))
		oldest = math.min(oldest or ms, ms)
		n = n + redis.call('XLEN', KEYS[i])
	end
end
local floor = math.max(now - tonumber(ARGV[1]), (oldest or now) - tonumber(ARGV[2]), 0)
redis.call('SET', KEYS[1], string.format('%.0f', floor * 1000))
return {n, string.format('%.0f', oldest or 0)}
