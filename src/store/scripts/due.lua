#!lua flags=allow-oom
-- Which lanes are to be looked at. By the clock that they were written by: that of whoever asks may
-- be another, and what is due would wait for it.
-- KEYS: due
-- ARGV: due within so many ms, at most so many lanes
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return redis.call('ZRANGE', KEYS[1], '-inf', now + ARGV[1], 'BYSCORE', 'LIMIT', 0, ARGV[2])
