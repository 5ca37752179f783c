-- What the scripts share. JSON is never decoded and encoded again here: cjson turns [] into {}. Each script names all its keys,
-- and they are those of one session or of one user, so that it also runs on a Cluster.

local function given(text)
  return text ~= nil and text ~= ''
end

-- Keeps the response of a request under a hash of its Idempotency-Key (22 characters): the last 16 of a session.
local function remember(answers, field, answer, ttl)
  if not given(field) then return end
  local order = (redis.call('HGET', answers, 'order') or '') .. field .. ' '
  if #order > 16 * 23 then
    redis.call('HDEL', answers, order:sub(1, 22))
    order = order:sub(24)
  end
  redis.call('HSET', answers, field, answer, 'order', order)
  redis.call('PEXPIRE', answers, ttl)
end

-- Whether the stored text is the one that was read: `expected` is its beginning, up to its revision, or its SHA-1 if it has
-- no revision.
local function is_as_read(session, expected)
  if expected:sub(1, 1) == '{' then return redis.call('GETRANGE', session, 0, #expected - 1) == expected end
  local stored = redis.call('GET', session)
  return stored and redis.sha1hex(stored) == expected
end

-- Why a change is not written, if it is not: its request was answered before, or the stored text is not the one that it was
-- made on ('' for a new session). Returns replayed, the first response | changed, the stored text | gone | moved, the mark |
-- taken
local function refusal(answers, field, session, expected, mark)
  if given(field) then
    local first = redis.call('HGET', answers, field)
    if first then return {'replayed', first} end
  end
  if expected == '' then return redis.call('EXISTS', session) == 1 and {'taken'} or nil end
  if is_as_read(session, expected) then return nil end
  local stored = redis.call('GET', session)
  if stored then return {'changed', stored} end
  local moved = redis.call('GET', mark)
  return moved and {'moved', moved} or {'gone'}
end
