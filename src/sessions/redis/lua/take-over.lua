-- Moves a session of plain connect-redis to a key of this layer. For a minute a mark stays, for requests that were sent
-- with the old cookie at the same time; a session that never was under the old key is not found.
-- Returns 1 if the session is there now
local old, session = unpack(KEYS)
local mark = '{"cookie":{},"movedTo":"unsticky"}'

local text = redis.call('GET', old)
if not text then return 0 end
if text ~= mark then
  redis.call('RENAMENX', old, session)
  redis.call('SET', old, mark, 'PX', 60000)
end
return redis.call('EXISTS', session)
