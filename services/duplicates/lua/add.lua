-- Gives an article version its arrival number, inserts it, and finds what shares its sketch with lower numbers.
-- One atomic step: of two workers with copies of one text, exactly the later one sees the other.
--
-- KEYS[1] prefix of the shard
-- ARGV: 1 generation (or the rebuilder's token), 2 article key, 3 version key (16 bytes), 4 owner (16 bytes), 5 slice, 6 first slice,
--       7 last slice, 8 sketch (8 bytes a hash, little-endian), 9 record, 10 text, 11 fetched_at (ms),
--       12 ttl (s), 13 least hits, 14 most candidates, 15 most texts, 16 longest posting list,
--       17 entries a bucket, 18 buckets of a first segment
-- Returns {"lost"} | {"known"} | {"withdrawn"} | {"result", stored} |
--         {"found", number, previous text, then number, slice, hits, record, text of each candidate}
local P = KEYS[1]
local ttl = ARGV[12]
if redis.call('GET', P .. (string.sub(ARGV[1], 1, 1) == 'r' and 'rebuilder' or 'generation')) ~= ARGV[1] then return {'lost'} end
local article = P .. 'a:' .. ARGV[2]
local vfield = 'v' .. ARGV[3]
local slice = ARGV[5]
local fetched = tonumber(ARGV[11])
local known = redis.call('HGET', article, vfield)
local withdrawn = redis.call('HGET', article, 'w')
if known and string.sub(known, 1, 16) ~= ARGV[4] then
  -- the same words again after a withdrawal are a new arrival
  if not (withdrawn and tonumber(withdrawn) < fetched) then return {'known'} end
  known = false
  redis.call('HDEL', article, 'r' .. ARGV[3])
end
local number, raw, previous
if known then
  local result = redis.call('HGET', article, 'r' .. ARGV[3])
  if result then return {'result', result} end
  raw = string.sub(known, 17, 20)
  number = struct.unpack('>I4', raw)
  previous = string.sub(known, 21, 28)
else
  if withdrawn then
    if tonumber(withdrawn) >= fetched then return {'withdrawn'} end
    redis.call('HDEL', article, 'w')
  end
  number = redis.call('INCR', P .. 'count')
  raw = struct.pack('>I4', number)
end

-- the parts of the index that the window touches: a slice of time has one or several segments of fixed bucket counts
local listed = redis.call('HGETALL', P .. 'segments')
local buckets, fill, newest, total, last_before = {}, {}, -1, {}, false
for i = 1, #listed, 2 do
  local kind, id = string.sub(listed[i], 1, 1), string.sub(listed[i], 2)
  if kind == 'b' then buckets[id] = tonumber(listed[i + 1]) else fill[id] = tonumber(listed[i + 1]) end
end
local own = tonumber(slice)
for id, filled in pairs(fill) do
  local s, g = string.match(id, '^(-?%d+)%.(%d+)$')
  s, g = tonumber(s), tonumber(g)
  total[s] = (total[s] or 0) + filled
  if s == own and g > newest then newest = g end
  if s < own and (not last_before or s > last_before) then last_before = s end
end
local current = slice .. '.' .. newest
if not known then
  if newest < 0 or fill[current] >= buckets[current] * tonumber(ARGV[17]) then
    local size
    if newest >= 0 then
      size = math.min(buckets[current] * 4, 4194304)
    else
      -- as many as the slice before needed, so that a steady stream keeps to one segment a slice
      size = tonumber(ARGV[18])
      while last_before and size * tonumber(ARGV[17]) < total[last_before] do size = size * 2 end
      for s in pairs(total) do
        if redis.call('EXISTS', P .. 'r:' .. s) == 0 then
          for id in pairs(fill) do
            if string.match(id, '^(-?%d+)%.') == tostring(s) then
              redis.call('HDEL', P .. 'segments', 'b' .. id, 'f' .. id)
              fill[id] = nil
            end
          end
        end
      end
    end
    newest = newest + 1
    current = slice .. '.' .. newest
    buckets[current], fill[current] = size, 0
    redis.call('HSET', P .. 'segments', 'b' .. current, size)
  end
end

local sketch = ARGV[8]
local entries = #sketch / 8
local place, tag = {}, {}
for i = 1, entries do
  local at = i * 8 - 7
  local b1, b2, b3 = string.byte(sketch, at, at + 2)
  place[i] = b1 + b2 * 256 + b3 * 65536
  tag[i] = string.sub(sketch, at + 4, at + 6)
end
local first, last = tonumber(ARGV[6]), tonumber(ARGV[7])
local hits = {}
local longest = tonumber(ARGV[16]) * 4
local call, sub = redis.call, string.sub
for id in pairs(fill) do
  local s = tonumber(string.match(id, '^(-?%d+)%.'))
  local inserts = (id == current) and not known
  if (s >= first and s <= last) or inserts then
    local prefix, size = P .. 'p:' .. id .. ':', buckets[id]
    local counts = hits[s]
    if not counts then counts = {}; hits[s] = counts end
    for i = 1, entries do
      local key = prefix .. (place[i] % size)
      local posting = call('HGET', key, tag[i])
      if posting then
        for j = 1, #posting, 4 do
          local n = sub(posting, j, j + 3)
          counts[n] = (counts[n] or 0) + 1
        end
      end
      if inserts then
        if not posting then
          call('HSET', key, tag[i], raw)
        elseif #posting < longest then
          call('HSET', key, tag[i], posting .. raw)
        end
        call('EXPIRE', key, ttl)
      end
    end
  end
end

if not known then
  redis.call('HINCRBY', P .. 'segments', 'f' .. current, entries)
  redis.call('HSET', P .. 'r:' .. slice, number, ARGV[9])
  redis.call('EXPIRE', P .. 'r:' .. slice, ttl)
  if ARGV[10] ~= '' then
    redis.call('HSET', P .. 't:' .. slice, number, ARGV[10])
    redis.call('EXPIRE', P .. 't:' .. slice, ttl)
  end
  local latest = redis.call('HGET', article, 'l')
  previous = string.rep('\0', 8)
  if latest then previous = string.sub(latest, 1, 8) end
  local fields = {vfield, ARGV[4] .. raw .. previous .. struct.pack('>i4', own)}
  if not latest then
    fields[#fields + 1] = 'n'
    fields[#fields + 1] = number
  end
  if not latest or struct.unpack('>d', string.sub(latest, 9)) < fetched then
    fields[#fields + 1] = 'l'
    fields[#fields + 1] = raw .. struct.pack('>i4', own) .. struct.pack('>d', fetched)
  end
  redis.call('HSET', article, unpack(fields))
  redis.call('EXPIRE', article, ttl)
  redis.call('EXPIRE', P .. 'count', ttl)
  redis.call('EXPIRE', P .. 'segments', ttl)
  redis.call('EXPIRE', P .. 'generation', ttl)
end

local found = {}
local least = tonumber(ARGV[13])
for s, counts in pairs(hits) do
  for n, count in pairs(counts) do
    if count >= least then
      local value = struct.unpack('>I4', n)
      if value < number then found[#found + 1] = {count, value, s} end
    end
  end
end
table.sort(found, function(a, b)
  if a[1] ~= b[1] then return a[1] > b[1] end
  return a[2] < b[2]
end)
local previous_text = ''
if previous and previous ~= string.rep('\0', 8) then
  local n, s = struct.unpack('>I4i4', previous)
  previous_text = redis.call('HGET', P .. 't:' .. s, n) or ''
end
local reply = {'found', tostring(number), previous_text}
local taken = 0
for i = 1, #found do
  if taken == tonumber(ARGV[14]) then break end
  local candidate = found[i]
  local record = redis.call('HGET', P .. 'r:' .. candidate[3], candidate[2])
  if record then
    taken = taken + 1
    local text = ''
    if taken <= tonumber(ARGV[15]) then text = redis.call('HGET', P .. 't:' .. candidate[3], candidate[2]) or '' end
    local at = #reply
    reply[at + 1] = tostring(candidate[2])
    reply[at + 2] = tostring(candidate[3])
    reply[at + 3] = tostring(candidate[1])
    reply[at + 4] = record
    reply[at + 5] = text
  end
end
return reply
