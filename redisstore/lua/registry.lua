-- registry returns epoch, version, catalog, shapes.
local function registry(epoch, version, catalog, shapes)
  local out = {epoch, version, catalog}
  for _, field in ipairs(shapes) do
    if string.sub(field, 1, 1) == 's' then out[#out + 1] = string.sub(field, 2) end
  end
  return out
end

-- main

-- A shape leaves when its last stamp is over, by this server's clock.
local epoch, version, catalog = open()
local all = redis.call('HGETALL', T)
local time, shapes = now(), {}
for i = 1, #all, 2 do
  if string.sub(all[i], 1, 1) == 's' then
    local _, leaves = struct.unpack('>dd', all[i + 1])
    if leaves < time then
      redis.call('HDEL', T, all[i])
    else
      shapes[#shapes + 1] = all[i]
    end
  end
end
return registry(epoch, version, catalog, shapes)
