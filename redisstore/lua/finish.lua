-- ARGV: 5 what to do, 6 the writer's id, 7 its proof, or for lift the epoch.
-- State that is missing or of another incarnation holds nothing of the writer.
local s = redis.call('HMGET', T, 'i', 'e', 'W')
if s[1] ~= inc then return 0 end
local what, id, W = ARGV[5], ARGV[6], s[3] or ''
if what == 'lift' then
  if s[2] == ARGV[7] then redis.call('HDEL', T, 'u') end
  return 1
end
local at = find(W, id)
if not at then return 0 end

if what == 'doubt' then
  redis.call('HDEL', T, '-')
  redis.call('HSET', T, 'W', string.sub(W, 1, at + 39) .. '1' .. string.sub(W, at + record))
  local w = redis.call('HGET', T, 'w' .. id)
  if w and ARGV[7] ~= '' then
    local tags = string.sub(w, 3 + struct.unpack('>I2', w))
    redis.call('HSET', T, 'w' .. id, struct.pack('>I2', #ARGV[7]) .. ARGV[7] .. tags)
  end
  return 1
end

local bumped = string.sub(W, at + 24, at + 31)
W = string.sub(W, 1, at - 1) .. string.sub(W, at + record)
if W == '' then
  redis.call('HDEL', T, 'w' .. id, 'W')
else
  redis.call('HDEL', T, 'w' .. id)
  redis.call('HSET', T, 'W', W)
end
-- Who read the catalog while it changed may have read it as it was before.
if bumped ~= none then redis.call('HSET', T, 'c', string.sub(ARGV[2], 9, 16)) end
return 1
