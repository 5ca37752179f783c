-- Compare and set: writes a session only if the stored text is the one that the request has read, or, for a new session,
-- if there is none. What is for its kept answers may be left out.
-- Returns saved | what refusal() returns
local session, mark, answers = unpack(KEYS)
local expected, text, ttl, field, answer, answer_ttl = unpack(ARGV)

local refused = refusal(answers, field, session, expected, mark)
if refused then return refused end
redis.call('SET', session, text, 'PX', ttl)
remember(answers, field, answer, answer_ttl)
return {'saved'}
