-- Adds a session to the list of its user's. Returns how long the list is.
local index = KEYS[1]
local handle, now, ttl = unpack(ARGV)

redis.call('ZADD', index, now, handle)
if redis.call('PTTL', index) < tonumber(ttl) then redis.call('PEXPIRE', index, ttl) end
return redis.call('ZCARD', index)
