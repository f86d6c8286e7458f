-- KEYS: 2 and on the stamps of the tags but the table's own. ARGV: 5 the writer's
-- id, 6 its lease, 7 its proof, 8 '1' to compare epoch and version, 9 the epoch,
-- 10 the version, 11 catalog version planned with or '', 12 '1' to make another,
-- 13 the tags.
--
-- Returns the registry if it is not the one the tags were computed from.
local epoch, version, catalog, W = open()
local id, planned = ARGV[5], ARGV[11]
local at = find(W, id)
local saw, first, bumped, doubtful, old = tonumber(ARGV[10]), none, none, '0', nil
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

-- Mostly there is nothing: a write names a tag for every shape, and few of them
-- are in use. To see that costs a third of deleting it, which among a million
-- keys is what counts.
local wide = aligned(ARGV[13], none, 1, 8)
local gone = wide and drop(own)
local deleted = gone
each(2, KEYS, function(from, to)
  if redis.call('EXISTS', unpack(KEYS, from, to)) > 0 then
    redis.call('DEL', unpack(KEYS, from, to))
    deleted = true
  end
end)
if not deleted then redis.call('HDEL', T, '-') end
if wide and not gone then
  -- It must not come back with its node: no stamp of the old epoch stands.
  epoch = string.sub(ARGV[2], 1, 8)
  redis.call('HSET', T, 'e', epoch, 'E' .. inc, epoch)
end

if at then
  -- What is added does not bring what was begun before up to date.
  if ARGV[8] == '1' then saw = math.min(saw, tonumber(ARGV[10])) end
  doubtful, old = string.sub(W, at + 40, at + 40), redis.call('HGET', T, 'w' .. id)
  W = string.sub(W, 1, at - 1) .. string.sub(W, at + record)
end
if first == none and planned ~= '' then first = planned end
if ARGV[12] == '1' and bumped == none then
  bumped = string.sub(ARGV[2], 9, 16)
  redis.call('HSET', T, 'c', bumped)
end
W = W .. id .. struct.pack('>d', saw) .. first .. bumped
  .. struct.pack('>d', now() + tonumber(ARGV[6])) .. doubtful
redis.call('HSET', T, 'W', W, 'w' .. id, (old or struct.pack('>I2', #ARGV[7]) .. ARGV[7]) .. ARGV[13])
return false
