-- Compare and set: writes a session only if the stored text is the one that the request has read (its SHA-1), or, for a
-- new session, if there is none. Arguments at the end that are not needed may be left out.
-- Returns saved, how many other sessions of the user it ended | replayed, the first response | changed, the stored text |
-- gone | moved, the mark | taken
local session, mark, answers, joined, left = unpack(KEYS)
local expected, text, ttl, field, answer, answer_ttl, member, now, index_ttl, most, prefix, leaver = unpack(ARGV)

if given(field) then
  local first = redis.call('HGET', answers, field)
  if first then return {'replayed', first} end
end
local stored = redis.call('GET', session)
if expected == '' then
  if stored then return {'taken'} end
elseif not stored then
  local moved = redis.call('GET', mark)
  if moved then return {'moved', moved} end
  return {'gone'}
elseif redis.sha1hex(stored) ~= expected then
  return {'changed', stored}
end
redis.call('SET', session, text, 'PX', ttl)
leave(left, leaver)
remember(answers, field, answer, answer_ttl)
return {'saved', enlist(joined, member, now, index_ttl, most, prefix)}
