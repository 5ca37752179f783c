-- Ends a session, and says so where something is open in it. Returns 1 if there was one.
local session, answers = unpack(KEYS)
local channel, handle = unpack(ARGV)

redis.call('DEL', answers)
local ended = redis.call('DEL', session)
if ended == 1 then redis.pcall('PUBLISH', channel, handle) end -- a user of Redis may lack this right
return ended
