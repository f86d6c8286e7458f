-- ARGV: 4 how long the stamps are needed, 5 catalog version planned with or '',
-- 6 the beginning of stamps' names, 7 random bytes for as many stamps as may be
-- made, then for each shape its text and its tags.
--
-- Returns why it is refused (0: it is not), the epoch, the catalog version, the
-- stamps (zero for none), then the id and proof of each doubtful writer.
local epoch, version, catalog, W, unknown = open()
local time, need = now(), tonumber(ARGV[4])
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
if ARGV[5] ~= '' and ARGV[5] ~= catalog then refuse(3) end

local keys, stamps, made = {own}, {}, false
for i = 2, #tags do
  keys[i] = tags[i] == none and own or ARGV[6] .. tags[i]
end
local kept = {}
each(1, keys, function(from, to)
  local got = redis.call('MGET', unpack(keys, from, to))
  for i = from, to do
    local v = kept[keys[i]] or got[i - from + 1]
    if v and #v == 16 and string.sub(v, 1, 8) == epoch then
      stamps[i] = string.sub(v, 9)
      -- Changing a stamp's end makes those who track it forget it, so it is done
      -- once in a long while.
      if why == 0 and not kept[keys[i]] and redis.call('PTTL', keys[i]) < need then
        redis.call('PEXPIRE', keys[i], 2 * need)
        made = true
      end
    elseif why == 0 then
      stamps[i] = string.sub(ARGV[7], 8 * i - 7, 8 * i)
      redis.call('SET', keys[i], epoch .. stamps[i], 'PX', 2 * need)
      made = true
    else
      stamps[i] = none
    end
    if why == 0 then kept[keys[i]] = epoch .. stamps[i] end
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
