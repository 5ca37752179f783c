-- Ends sessions of a user. Returns how many of them existed.
local index = KEYS[1]
local prefix = ARGV[1]

local ended = 0
for number = 2, #ARGV do
  local member = ARGV[number]
  ended = ended + redis.call('DEL', prefix .. member)
  redis.call('DEL', prefix .. member .. ':answers')
  redis.call('ZREM', index, member)
end
return ended
