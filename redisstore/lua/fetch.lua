-- Returns the entry KEYS[1] and the milliseconds it has left, if all its stamps
-- stand. ARGV: 1 the incarnation, 2 and 3 the beginnings of the names of a table's
-- own stamp and of the others, 4 the end of the former's.
-- The header is described in header.go, the names in names.go. Not for a Cluster,
-- where the stamps lie anywhere.
--
-- GETEX reads as GET does but counts as a write, which a server refuses that was
-- made a replica.
local b = redis.call('GETEX', KEYS[1])
if not b or #b < 12 or string.byte(b) ~= 1 then return false end
local tables, at = struct.unpack('>I2', b, 3), 13
local none = string.rep('\0', 8)
local keys, want = {}, {}
for _ = 1, tables do
  if at + 3 > #b then return false end
  local length, deps = struct.unpack('>I2I2', b, at)
  at = at + 4
  local name = string.sub(b, at, at + length - 1)
  if length > 40 then name = redis.sha1hex(name) end
  at = at + length
  for _ = 1, deps do
    local tag = string.sub(b, at, at + 7)
    local own = tag == none
    keys[#keys + 1] = own and ARGV[2] .. name .. '}' .. ARGV[4] or ARGV[3] .. name .. '}' .. tag
    want[#want + 1] = string.sub(b, at + 8, at + 15) .. (own and ARGV[1] or '')
    at = at + 16
  end
end
for from = 1, #keys, 2000 do
  local to = math.min(from + 1999, #keys)
  local got = redis.call('MGET', unpack(keys, from, to))
  for i = from, to do
    local v = got[i - from + 1]
    if not v or string.sub(v, 9) ~= want[i] then return false end
  end
end
return {b, redis.call('PTTL', KEYS[1])}
