-- Compare and set: writes a session only if the stored text is the one that the request has read, or, for a new session,
-- if there is none. Arguments at the end that are not needed may be left out.
-- Returns saved, how many other sessions of the user it ended | what refusal() returns
local session, mark, answers, joined, left = unpack(KEYS)
local expected, text, ttl, field, answer, answer_ttl, member, now, index_ttl, most, prefix, leaver = unpack(ARGV)

local refused = refusal(answers, field, session, expected, mark)
if refused then return refused end
redis.call('SET', session, text, 'PX', ttl)
leave(left, leaver)
remember(answers, field, answer, answer_ttl)
return {'saved', enlist(joined, member, now, index_ttl, most, prefix)}
