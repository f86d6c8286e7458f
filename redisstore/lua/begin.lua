-- KEYS: 3 and on the stamps of the tags. ARGV: 4 the writer's id, 5 its lease,
-- 6 its proof, 7 '1' to compare epoch and version, 8 the epoch, 9 the version,
-- 10 catalog version planned with or '', 11 '1' to make another, 12 the tags.
--
-- Returns the registry if it is not the one the tags were computed from.
local epoch, version, catalog, W = open()
local id, planned = ARGV[4], ARGV[10]
local at = find(W, id)
local saw, first, bumped, doubtful, old = tonumber(ARGV[9]), none, none, '0', nil
if at then
  saw = struct.unpack('>d', W, at + 8)
  first, bumped = string.sub(W, at + 16, at + 23), string.sub(W, at + 24, at + 31)
end

local same = ARGV[7] ~= '1' or (ARGV[8] == epoch and tonumber(ARGV[9]) == version)
-- A writer that has made the present catalog version itself may go on with the
-- one before.
local mine = at and bumped == catalog and first == planned
if not same or not (planned == '' or planned == catalog or mine) then
  return registry(epoch, version, catalog, redis.call('HKEYS', T))
end

-- Mostly there is nothing: a write names a tag for every shape, and few of them
-- are in use. To see that costs a third of deleting it, which among a million
-- keys is what counts.
local deleted = false
each(3, KEYS, function(from, to)
  if redis.call('EXISTS', unpack(KEYS, from, to)) > 0 then
    redis.call('DEL', unpack(KEYS, from, to))
    deleted = true
  end
end)
if not deleted then redis.call('HDEL', T, '-') end

if at then
  -- What is added does not bring what was begun before up to date.
  if ARGV[7] == '1' then saw = math.min(saw, tonumber(ARGV[9])) end
  doubtful, old = string.sub(W, at + 40, at + 40), redis.call('HGET', T, 'w' .. id)
  W = string.sub(W, 1, at - 1) .. string.sub(W, at + record)
end
if first == none and planned ~= '' then first = planned end
if ARGV[11] == '1' and bumped == none then
  bumped = string.sub(ARGV[2], 9, 16)
  redis.call('HSET', T, 'c', bumped)
end
W = W .. id .. struct.pack('>d', saw) .. first .. bumped
  .. struct.pack('>d', now() + tonumber(ARGV[5])) .. doubtful
redis.call('HSET', T, 'W', W, 'w' .. id, (old or struct.pack('>I2', #ARGV[6]) .. ARGV[6]) .. ARGV[12])
return false
