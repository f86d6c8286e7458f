-- ARGV: 4 the writer's id, 5 its lease, 6 its proof, 7 the beginning of stamps'
-- names, 8 '1' to compare epoch and version, 9 the epoch, 10 the version,
-- 11 catalog version planned with or '', 12 '1' to make another, 13 the tags.
--
-- Returns the registry if it is not the one the tags were computed from.
local epoch, version, catalog = open()
local id, planned = ARGV[4], ARGV[11]
local W = writers()
local at = find(W, id)
local saw, first, bumped = tonumber(ARGV[10]), none, none
if at then
  saw = struct.unpack('>d', W, at + 8)
  first, bumped = string.sub(W, at + 16, at + 23), string.sub(W, at + 24, at + 31)
end

local same = ARGV[8] ~= '1' or (ARGV[9] == epoch and tonumber(ARGV[10]) == version)
-- A writer that has made the present catalog version itself may go on with the
-- one before.
local mine = at and bumped == catalog and first == planned
if not same or not (planned == '' or planned == catalog or mine) then
  return registry(epoch, version, catalog, redis.call('HKEYS', T))
end

local tags, keys = split(ARGV[13]), {own .. '?'}
for i, tag in ipairs(tags) do
  keys[i] = tag == none and own or ARGV[7] .. tag
end
each(keys, function(from, to) redis.call('DEL', unpack(keys, from, to)) end)

-- What is added does not bring what was begun before up to date.
if at and ARGV[8] == '1' then saw = math.min(saw, tonumber(ARGV[10])) end
if first == none and planned ~= '' then first = planned end
if ARGV[12] == '1' and bumped == none then
  bumped = string.sub(ARGV[2], 9, 16)
  redis.call('HSET', T, 'c', bumped)
end

local doubtful, old = '0', nil
if at then
  doubtful, old = string.sub(W, at + 40, at + 40), redis.call('HGET', T, 'w' .. id)
  W = string.sub(W, 1, at - 1) .. string.sub(W, at + record)
end
W = W .. id .. struct.pack('>d', saw) .. first .. bumped .. struct.pack('>d', now() + tonumber(ARGV[5])) .. doubtful
local set = {'W', W}
local added, held, seen = {}, intents(tags), {}
for i, tag in ipairs(tags) do
  local ids = held[i] or ''
  if not seen[tag] and not holds(ids, id) then
    seen[tag] = true
    added[#added + 1] = tag
    set[#set + 1], set[#set + 2] = 't' .. tag, ids .. id
  end
end
set[#set + 1] = 'w' .. id
set[#set + 1] = (old or struct.pack('>I2', #ARGV[6]) .. ARGV[6]) .. table.concat(added)
each(set, function(from, to) redis.call('HSET', T, unpack(set, from, to)) end)
return false
