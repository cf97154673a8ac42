"""Broken copies of the scripts: (script, text of the real file, what stands there instead). The
oracle must catch each of them, or it would not catch the same fault in the real ones."""

FENCE = "redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2])"
ACK = "redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])"
SOMETIMES = "if redis.call('TIME')[2] % 4 == 0 then return redis.error_reply('ERR injected') end\n"

MUTATIONS = {
    "settle acks before it parks, then fails": (
        "settle", "local member = ARGV[4]\n",
        "local member = ARGV[4]\nif ARGV[5] == '1' then " + ACK + " end\n" + SOMETIMES),
    "settle does not ask whether the event is pending": (
        "settle", "local pending = " + FENCE, "local pending = {1}"),
    "settle does not put the lane into due": (
        "settle", "redis.call('ZADD', KEYS[2], 'LT', math.min(look, now + 600000), ARGV[at])", ""),
    "settle keeps the cursor of a finished broadcast": (
        "settle", "redis.call('HDEL', KEYS[5], member)", "redis.call('HLEN', KEYS[5])"),
    "settle does not count references": (
        "settle", "redis.call('HINCRBY', KEYS[4], member, added)",
        "redis.call('HSETNX', KEYS[4], member, 1)"),
    "settle keeps no copy of the event": (
        "settle", "redis.call('HSET', KEYS[3], member, entry[2][2] .. '\\n' .. entry[2][4])", ""),
    "settle forgets one lane": ("settle", "for i = 8, #KEYS do", "for i = 8, #KEYS - #KEYS % 2 do"),
    "claim takes no lease": (
        "claim", "redis.call('ZADD', KEYS[2], 'XX', lease, due[i])", ""),
    "claim takes the lane out of due": (
        "claim", "if #first == 0 then", "if #first == 0 or limit > 0 then"),
    "again asks for no lease": ("resolve", "elseif mine and verb == 'again'",
                                "elseif score and verb == 'again'"),
    "dead asks for no lease": ("resolve", "elseif mine and verb == 'dead'",
                               "elseif verb == 'dead'"),
    "dead is a drop": (
        "resolve", "redis.call('ZADD', KEYS[3], score, member)", "drop(member, 1)"),
    "done drops no reference": ("resolve", "changed = drop(member, n)", "changed = n"),
    "resolve leaves an empty lane in due": (
        "resolve", "redis.call('ZREM', KEYS[1], lane)", "redis.call('ZCARD', KEYS[1])"),
    "trim ignores what is pending": (
        "trim", "redis.call('XPENDING', KEYS[1], info['name'])[2]", "false"),
    "trim ignores what is unread": (
        "trim", "bound = ms .. '-' .. string.format('%.0f', tonumber(seq) + 1)", "bound = floor"),
    "ingest remembers nothing": (
        "ingest", "redis.call('HSETNX', seen, field, digest) == 0", "false"),
    "ingest stores conflicts": ("ingest", "if known then", "if known == digest then"),
    "take over loses what it moves": (
        "take_over", "return {#ids, #redis.call(unpack(claim))}",
        "redis.call('XACK', KEYS[1], ARGV[1], unpack(ids)) return {#ids, #ids}"),
    "a rival heartbeat is not noticed, nor are the dead": (
        "heartbeat", "return redis.call('HGETALL', KEYS[1])", "return {ARGV[1], ARGV[2]}"),
    "deleting a subscription does nothing": (
        "registry_put", "serial .. ' ' .. etag .. ' ' .. fingerprint .. '\\n' .. record)",
        "serial .. ' ' .. etag .. ' ' .. fingerprint .. '\\n{\"topics\": []}')"),
}
