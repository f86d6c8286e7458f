-- Ends the lock KEYS[1] and tells those who wait. ARGV: 1 the holder, 2 what they
-- are told, 3 a new lease in milliseconds to go on with instead, or 0.
-- Does nothing to a lock that is another's by now.
if redis.call('HGET', KEYS[1], '') ~= ARGV[1] then return 0 end
if ARGV[3] ~= '0' then return redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
local names = redis.call('HKEYS', KEYS[1])
redis.call('DEL', KEYS[1])
for _, name in ipairs(names) do
  if name ~= '' then redis.call('PUBLISH', name, ARGV[2]) end
end
return 1
