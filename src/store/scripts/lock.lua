#!lua flags=allow-oom
-- Takes a lock that nobody has. A plain SET is refused at the memory limit, where tokens must be
-- fetched all the same: what waits for them may be what fills Redis.
-- KEYS: lock:<what>
-- ARGV: ms
-- Returns 1 when it is taken, 0 when somebody has it.
return redis.call('SET', KEYS[1], '1', 'NX', 'PX', ARGV[1]) and 1 or 0
