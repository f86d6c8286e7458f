-- Keeps ARGV[1] in KEYS[1] for ARGV[2] ms if the stamps, the other keys, are
-- those in ARGV[3], 8 bytes each, and none is of another incarnation than ARGV[4].
-- A fill that was overtaken by a write would only displace what was filled since.
-- Not for a Cluster, as fetch is not.
for from = 2, #KEYS, 2000 do
  local to = math.min(from + 1999, #KEYS)
  local got = redis.call('MGET', unpack(KEYS, from, to))
  for i = from, to do
    local v = got[i - from + 1]
    if not v or string.sub(v, 9, 16) ~= string.sub(ARGV[3], 8 * i - 15, 8 * i - 8) then return 0 end
    if #v > 16 and string.sub(v, 17) ~= ARGV[4] then return 0 end
  end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
