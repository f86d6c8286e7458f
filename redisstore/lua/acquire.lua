-- KEYS: 2 and on the stamps: the table's own, then those of the shapes' tags.
-- ARGV: 5 how long they are needed, 6 catalog version planned with or '',
-- 7 random bytes for as many as may be made, then for each shape its text and its
-- tags.
--
-- Returns why it is refused (0: it is not), the epoch, the catalog version, the
-- stamps (zero for none), then the id and proof of each doubtful writer.
local epoch, version, catalog, W, unknown = open()
local time, need = now(), tonumber(ARGV[5])
local tags, texts = {none}, {}
for i = 8, #ARGV, 2 do
  texts[#texts + 1] = 's' .. ARGV[i]
  for at = 1, #ARGV[i + 1], 8 do tags[#tags + 1] = string.sub(ARGV[i + 1], at, at + 7) end
end

-- Registering survives a refusal.
local came, leaves = {}, {}
local function register(i)
  redis.call('HSET', T, texts[i], struct.pack('>dd', came[i], leaves[i]))
end
if #texts > 0 then
  each(1, texts, function(from, to)
    local got = redis.call('HMGET', T, unpack(texts, from, to))
    for i = from, to do
      local shape = got[i - from + 1]
      if shape then
        came[i], leaves[i] = struct.unpack('>dd', shape)
      else
        version = version + 1
        came[i], leaves[i] = version, time + 2 * need + 2000
        redis.call('HSET', T, 'v', version)
        register(i)
      end
    end
  end)
end

local why, doubts = 0, {}
local function refuse(reason) if why == 0 then why = reason end end
if unknown then
  refuse(4)
  doubts = {none, ''}
end
if #W > 0 then
  local names = {}
  for at = 1, #W, record do names[#names + 1] = 'w' .. string.sub(W, at, at + 7) end
  each(1, names, function(from, to)
    local got = redis.call('HMGET', T, unpack(names, from, to))
    for n = from, to do
      local at, w, reason = 1 + (n - 1) * record, got[n - from + 1] or '\0\0', nil
      local first = 3 + struct.unpack('>I2', w)
      for i = 1, #tags do
        if aligned(w, tags[i], first, 8) then
          reason = 1
          break
        end
      end
      local saw = struct.unpack('>d', W, at + 8)
      for i = 1, #texts do
        if not reason and saw < came[i] then reason = 2 end
      end
      local planned = string.sub(W, at + 16, at + 23)
      if not reason and planned ~= none and planned ~= catalog then reason = 3 end
      if reason then
        refuse(reason)
        if string.sub(W, at + 40, at + 40) == '1' or struct.unpack('>d', W, at + 32) < time then
          doubts[#doubts + 1] = string.sub(W, at, at + 7)
          doubts[#doubts + 1] = string.sub(w, 3, first - 1)
        end
      end
    end
  end)
end
if ARGV[6] ~= '' and ARGV[6] ~= catalog then refuse(3) end

local stamps, made = {}, false
local kept = {}
each(2, KEYS, function(from, to)
  local got = redis.call('MGET', unpack(KEYS, from, to))
  for i = from, to do
    local key, n = KEYS[i], i - 1
    local v, made_under = kept[key] or got[i - from + 1], key == own and inc or ''
    if v and #v == 16 + #made_under and string.sub(v, 1, 8) == epoch then
      stamps[n] = string.sub(v, 9, 16)
      -- Changing a stamp's end makes those who track it forget it, so it is done
      -- once in a long while.
      if why == 0 and not kept[key] and redis.call('PTTL', key) < need then
        redis.call('PEXPIRE', key, 2 * need)
        made = true
      end
    elseif why == 0 then
      stamps[n] = string.sub(ARGV[7], 8 * n - 7, 8 * n)
      redis.call('SET', key, epoch .. stamps[n] .. made_under, 'PX', 2 * need)
      made = true
    else
      stamps[n] = none
    end
    if why == 0 then kept[key] = epoch .. stamps[n] .. made_under end
  end
end)
-- No shape leaves before its stamps.
if made then
  for i = 1, #texts do
    if leaves[i] < time + 2 * need + 1000 then
      leaves[i] = time + 2 * need + 2000
      register(i)
    end
  end
  local keep = math.max(tonumber(ARGV[3]), 4 * need)
  if redis.call('PTTL', T) < keep / 2 then redis.call('PEXPIRE', T, keep) end
end

local out = {why, epoch, catalog, table.concat(stamps)}
for i = 1, #doubts do out[4 + i] = doubts[i] end
return out
