-- Moves a session to a new id in one step, if the text stored under the old id is the one that the request has read. Its
-- kept responses move along, and a mark stays at the old id.
-- Returns as write.lua
local session, mark, answers, old, old_answers = unpack(KEYS)
local expected, text, ttl, field, answer, answer_ttl, moved_to, mark_ttl, channel, old_handle = unpack(ARGV)

local refused = refusal(old_answers, field, old, expected, mark)
if refused then return refused end
if redis.call('EXISTS', session) == 1 then return {'taken'} end
redis.call('SET', session, text, 'PX', ttl)
redis.call('DEL', old)
redis.pcall('PUBLISH', channel, old_handle) -- what is open in it was opened before
redis.call('SET', mark, moved_to, 'PX', mark_ttl)
if redis.call('EXISTS', old_answers) == 1 then redis.call('RENAME', old_answers, answers) end
remember(answers, field, answer, answer_ttl)
return {'saved'}
