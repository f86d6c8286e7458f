-- now is the server's time in milliseconds.
local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- drop deletes a stamp of the table's own tag, and reports whether it could: that
-- stamp may have moved to another node, ahead of the state.
local function drop(name) return type(redis.pcall('DEL', name)) ~= 'table' end

-- open returns epoch, version, catalog, writers, unknown. State that is missing,
-- or of another incarnation, is made anew: then nobody knows who may be writing.
-- The table's stamp goes, and with it every entry, also for a process whose
-- connection has not noticed yet that the incarnation is another: on one server
-- the stamp is the same, and on a Cluster hits ask for the state as well.
local function open()
  local s = redis.call('HMGET', T, 'i', 'e', 'v', 'c', 'W', 'u')
  if s[1] == inc and s[2] then return s[2], tonumber(s[3]), s[4], s[5] or '', s[6] end
  redis.call('DEL', T)
  drop(own)
  local epoch, catalog = string.sub(ARGV[2], 1, 8), string.sub(ARGV[2], 9, 16)
  redis.call('HSET', T, 'i', inc, 'e', epoch, 'v', 0, 'c', catalog, 'u', 1, 'E' .. inc, epoch)
  redis.call('PEXPIRE', T, ARGV[3])
  return epoch, 0, catalog, '', '1'
end

-- each calls f with slices of a list: unpack ends near 8,000.
local function each(from, list, f)
  for first = from, #list, 2000 do
    f(first, math.min(first + 1999, #list))
  end
end
