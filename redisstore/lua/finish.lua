-- ARGV: 4 what to do, 5 the writer's id, 6 its proof, or for lift the epoch.
-- State that is missing or of another incarnation holds nothing of the writer.
local s = redis.call('HMGET', T, 'i', 'e')
if s[1] ~= inc then return 0 end
local what, id = ARGV[4], ARGV[5]
if what == 'lift' then
  if s[2] == ARGV[6] then redis.call('HDEL', T, 'u') end
  return 1
end
local W = writers()
local at = find(W, id)
if not at then return 0 end
redis.call('HDEL', T, '-')

if what == 'doubt' then
  redis.call('HSET', T, 'W', string.sub(W, 1, at + 39) .. '1' .. string.sub(W, at + record))
  local w = redis.call('HGET', T, 'w' .. id)
  if w and ARGV[6] ~= '' then
    local tags = string.sub(w, 3 + struct.unpack('>I2', w))
    redis.call('HSET', T, 'w' .. id, struct.pack('>I2', #ARGV[6]) .. ARGV[6] .. tags)
  end
  return 1
end

local w = redis.call('HGET', T, 'w' .. id) or '\0\0'
local tags = split(string.sub(w, 3 + struct.unpack('>I2', w)))
local gone, set = {'w' .. id}, {}
for i, ids in ipairs(intents(tags)) do
  if ids == id then
    gone[#gone + 1] = 't' .. tags[i]
  elseif ids then
    local place = holds(ids, id)
    if place then
      set[#set + 1] = 't' .. tags[i]
      set[#set + 1] = string.sub(ids, 1, place - 1) .. string.sub(ids, place + 8)
    end
  end
end
-- Who read the catalog while it changed may have read it as it was before.
if string.sub(W, at + 24, at + 31) ~= none then
  set[#set + 1], set[#set + 2] = 'c', string.sub(ARGV[2], 9, 16)
end
W = string.sub(W, 1, at - 1) .. string.sub(W, at + record)
if W == '' then
  gone[#gone + 1] = 'W'
else
  set[#set + 1], set[#set + 2] = 'W', W
end
each(gone, function(from, to) redis.call('HDEL', T, unpack(gone, from, to)) end)
each(set, function(from, to) redis.call('HSET', T, unpack(set, from, to)) end)
return 1
