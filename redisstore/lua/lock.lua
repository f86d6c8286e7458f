-- Takes the lock KEYS[1] if nobody has it. ARGV: 1 who asks, 2 the lease in
-- milliseconds, 3 the channel on which the asker wants to hear of the end, empty
-- if on none, 4 whether to take it or only to ask.
--
-- The lock is a hash: its holder under the empty name, and the channels of those
-- who wait as further names. It is gone with its lease.
--
-- Returns -1 if the asker has it now (a call that is tried again finds it its
-- own), -2 if nobody has it, else the milliseconds that the holder has left.
local holder = redis.call('HGET', KEYS[1], '')
if holder == ARGV[1] then return -1 end
if holder then
  if ARGV[3] ~= '' then redis.call('HSET', KEYS[1], ARGV[3], '') end
  return math.max(redis.call('PTTL', KEYS[1]), 0)
end
if ARGV[4] == '0' then return -2 end
redis.call('HSET', KEYS[1], '', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return -1
