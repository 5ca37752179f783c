-- Ends a session. Returns 1 if there was one.
local session, answers = unpack(KEYS)

redis.call('DEL', answers)
return redis.call('DEL', session)
