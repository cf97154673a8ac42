#!lua flags=allow-oom
-- Puts what each owner has parked in place of what was known before.
-- KEYS: quota:parked
-- ARGV: per owner: owner, bytes
-- Returns how many owners.
redis.call('DEL', KEYS[1])
for i = 1, #ARGV, 2 do
	redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
return #ARGV / 2
