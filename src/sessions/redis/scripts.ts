import type { StoreCommand } from '../events.ts';
import { sha1 } from '../hash.ts';

/** A Lua script: its text, the digest under which Redis keeps it, and what it is told of as. */
export interface Script {
  command: StoreCommand;
  text: string;
  digest: string;
}

function createScript(command: StoreCommand, text: string): Script {
  return { command, text, digest: sha1(text) };
}

/*
 * What the scripts share. JSON is never decoded and encoded again here: cjson turns [] into {}.
 *
 * remember: keeps the answer of a request under a hash of its Idempotency-Key (22 characters), the last 16 of a session.
 * enlist: notes a session in its user's index; where there are too many, forgets those that have ended and ends those that
 * were noted first. Returns how many it ended. Their keys are not among KEYS: this does not work on Redis Cluster.
 */
const shared = `
local function remember(answers, field, answer, ttl)
  if field == '' then return end
  local order = (redis.call('HGET', answers, 'order') or '') .. field .. ' '
  if #order > 16 * 23 then
    redis.call('HDEL', answers, order:sub(1, 22))
    order = order:sub(24)
  end
  redis.call('HSET', answers, field, answer, 'order', order)
  redis.call('PEXPIRE', answers, ttl)
end

local function enlist(index, member, score, ttl, most, prefix)
  if member == '' then return 0 end
  redis.call('ZADD', index, score, member)
  redis.call('PEXPIRE', index, ttl)
  if redis.call('ZCARD', index) <= tonumber(most) then return 0 end
  for _, other in ipairs(redis.call('ZRANGE', index, 0, -1)) do
    if redis.call('EXISTS', prefix .. other) == 0 then redis.call('ZREM', index, other) end
  end
  local excess = redis.call('ZCARD', index) - tonumber(most)
  local ended = 0
  for _, other in ipairs(redis.call('ZRANGE', index, 0, -1)) do
    if excess <= 0 then break end
    if other ~= member then
      ended = ended + redis.call('DEL', prefix .. other)
      redis.call('DEL', prefix .. other .. ':answers')
      redis.call('ZREM', index, other)
      excess = excess - 1
    end
  end
  return ended
end

local function leave(index, member)
  if member ~= '' then redis.call('ZREM', index, member) end
end
`;

/**
 * Compare and set: writes a session only if what stands is what the request has read (its SHA-1), or, for a new one, if
 * none stands.
 * KEYS session, its answers, its user's index, the index that it leaves, the mark that it has moved
 * ARGV digest expected ('' for a new one), text, time to live; answer's field ('' for none), answer, its time to live;
 *      member of the index ('' for none), score, time to live, most members, prefix of sessions; member that leaves ('')
 * Returns saved, how many other sessions of the user it ended | replayed, the first answer | changed, what stands | gone |
 *      moved, the mark | taken
 */
export const writeScript = createScript(
  'set',
  `${shared}
if ARGV[4] ~= '' then
  local first = redis.call('HGET', KEYS[2], ARGV[4])
  if first then return {'replayed', first} end
end
local stands = redis.call('GET', KEYS[1])
if ARGV[1] == '' then
  if stands then return {'taken'} end
elseif not stands then
  local mark = redis.call('GET', KEYS[5])
  if mark then return {'moved', mark} end
  return {'gone'}
elseif redis.sha1hex(stands) ~= ARGV[1] then
  return {'changed', stands}
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
leave(KEYS[4], ARGV[12])
remember(KEYS[2], ARGV[4], ARGV[5], ARGV[6])
return {'saved', enlist(KEYS[3], ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11])}
`,
);

/**
 * Moves a session to a new id in one step, if what stands under the old one is what the request has read. Its answers move
 * along, and a mark stays.
 * KEYS and ARGV as above, for the new session, but for the mark, which is the old one's; then
 * KEYS the old session, its answers
 * ARGV the mark, its time to live
 * Returns as above
 */
export const renewScript = createScript(
  'renew',
  `${shared}
if ARGV[4] ~= '' then
  local first = redis.call('HGET', KEYS[7], ARGV[4])
  if first then return {'replayed', first} end
end
local stands = redis.call('GET', KEYS[6])
if not stands then
  local mark = redis.call('GET', KEYS[5])
  if mark then return {'moved', mark} end
  return {'gone'}
elseif redis.sha1hex(stands) ~= ARGV[1] then
  return {'changed', stands}
end
if redis.call('EXISTS', KEYS[1]) == 1 then return {'taken'} end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('DEL', KEYS[6])
redis.call('SET', KEYS[5], ARGV[13], 'PX', ARGV[14])
if redis.call('EXISTS', KEYS[7]) == 1 then redis.call('RENAME', KEYS[7], KEYS[2]) end
leave(KEYS[4], ARGV[12])
remember(KEYS[2], ARGV[4], ARGV[5], ARGV[6])
return {'saved', enlist(KEYS[3], ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11])}
`,
);

/**
 * Ends sessions of a user.
 * KEYS the user's index
 * ARGV prefix of sessions, members
 * Returns how many of them there were
 */
export const endScript = createScript(
  'destroy',
  `
local ended = 0
for number = 2, #ARGV do
  local member = ARGV[number]
  ended = ended + redis.call('DEL', ARGV[1] .. member)
  redis.call('DEL', ARGV[1] .. member .. ':answers')
  redis.call('ZREM', KEYS[1], member)
end
return ended
`,
);
