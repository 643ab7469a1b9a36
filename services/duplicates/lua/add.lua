-- Gives an article version its arrival number, inserts it, and finds what shares its sketch with lower numbers.
-- One atomic step: of two workers with copies of one text, exactly the later one sees the other.
--
-- KEYS[1] prefix of the shard
-- ARGV: 1 generation (or the rebuilder's token), 2 article key, 3 version key (16 bytes), owner (16), fetched_at in ms
--       (8), 4 sketch (8 bytes a hash, little-endian), 5 record, 6 text
-- TTL, LEAST_HITS, MOST_CANDIDATES, MOST_TEXTS, LONGEST_POSTING, ENTRIES_PER_BUCKET, FIRST_BUCKETS and CHUNK are put in
-- when the script is loaded: a fifth of the cost of a call was sending and reading them.
-- Returns {"lost"} | {"known"} | {"withdrawn"} | {"result", stored} |
--         {"found", number, previous text, then number, hits, record, text of each candidate}
--
-- The inverted index: p:<bucket> is a hash from a sketch hash (4 bytes) to the numbers that hold it (4 bytes each),
-- oldest first; a list past INLINE bytes moves to q:<hash>, or its bucket would lose the compact form. Buckets grow by
-- linear hashing (Litwin, 1980), one at a time, so that a hash lies in one place however many articles there are.
-- Numbers whose records have expired are swept out as new ones come.
local P = KEYS[1]
local call, sub = redis.call, string.sub
if call('GET', P .. (sub(ARGV[1], 1, 1) == 'r' and 'rebuilder' or 'generation')) ~= ARGV[1] then return {'lost'} end
local article = P .. 'a:' .. ARGV[2]
local version, owner = sub(ARGV[3], 1, 16), sub(ARGV[3], 17, 32)
local fetched = struct.unpack('>d', sub(ARGV[3], 33))
local vfield = 'v' .. version
local state = call('HMGET', article, vfield, 'w', 'l')
local known, withdrawn, latest = state[1], state[2], state[3]
if known and sub(known, 1, 16) ~= owner then
  -- the same words again after a withdrawal are a new arrival
  if not (withdrawn and tonumber(withdrawn) < fetched) then return {'known'} end
  known = false
  call('HDEL', article, 'r' .. version)
end
local none = '\0\0\0\0'
local number, raw
local previous = none
if known then
  local result = call('HGET', article, 'r' .. version)
  if result then return {'result', result} end
  raw, previous = sub(known, 17, 20), sub(known, 21, 24)
  number = struct.unpack('>I4', raw)
else
  if withdrawn then
    if tonumber(withdrawn) >= fetched then return {'withdrawn'} end
    call('HDEL', article, 'w')
  end
  number = call('INCR', P .. 'count')
  raw = struct.pack('>I4', number)
  if latest then previous = sub(latest, 1, 4) end
end

-- layout: buckets, entries in them, the bucket swept next, the oldest chunk of records that is left
local layout = call('HMGET', P .. 'layout', 'buckets', 'entries', 'sweep', 'oldest')
local buckets, entries = tonumber(layout[1] or FIRST_BUCKETS), tonumber(layout[2] or 0)
local half = 1
while half * 2 <= buckets do half = half * 2 end

local function bucket_of(tag)
  local b1, b2, b3 = string.byte(tag, 1, 3)
  local hash = b1 + b2 * 256 + b3 * 65536
  local place = hash % (half * 2)
  if place >= buckets then place = hash % half end
  return place
end

local hits, order = {}, {}
local sketch = ARGV[4]
local added = 0
local INLINE = 60
for at = 1, #sketch, 8 do
  local tag = sub(sketch, at, at + 3)
  local key = P .. 'p:' .. bucket_of(tag)
  -- most hashes are new: to try the insertion first spares them the search
  local posting = false
  if known then
    posting = call('HGET', key, tag)
  elseif call('HSETNX', key, tag, raw) == 1 then
    added = added + 1
  else
    posting = call('HGET', key, tag)
  end
  local list = posting
  if posting == '+' then list = call('GET', P .. 'q:' .. tag) or '' end
  if list then
    for j = 1, #list, 4 do
      local n = sub(list, j, j + 3)
      local count = hits[n]
      if count then
        hits[n] = count + 1
      else
        hits[n] = 1
        order[#order + 1] = n
      end
    end
  end
  if not known then
    if posting == '+' then
      if #list < LONGEST_POSTING * 4 then call('APPEND', P .. 'q:' .. tag, raw) end
      call('EXPIRE', P .. 'q:' .. tag, TTL)
    elseif list and #list < INLINE then
      call('HSET', key, tag, list .. raw)
    elseif list then
      call('SET', P .. 'q:' .. tag, list .. raw, 'EX', TTL)
      call('HSET', key, tag, '+')
    end
    call('EXPIRE', key, TTL)
  end
end

if not known then
  local chunk = math.floor(number / CHUNK)
  local oldest = tonumber(layout[4] or chunk)
  -- records expire by chunks; postings of what is gone are swept out, bucket by bucket
  if oldest < chunk and call('EXISTS', P .. 'r:' .. oldest) == 0 then
    oldest = oldest + 1
    call('HSET', P .. 'layout', 'oldest', oldest)
  elseif not layout[4] then
    call('HSET', P .. 'layout', 'oldest', oldest)
  end
  local least = oldest * CHUNK

  local function live(list)
    local from = 1
    while from <= #list and struct.unpack('>I4', sub(list, from, from + 3)) < least do from = from + 4 end
    return from
  end

  -- what is dead in a bucket goes; with `to`, what by now belongs into that bucket is moved there
  local function tidy(place, to)
    local key = P .. 'p:' .. place
    local all = call('HGETALL', key)
    local gone, moved = {}, {}
    for i = 1, #all, 2 do
      local tag, list = all[i], all[i + 1]
      local dead = false
      if list == '+' then
        local long = call('GET', P .. 'q:' .. tag)
        dead = not long or live(long) > #long
        if dead then call('DEL', P .. 'q:' .. tag) end
        if not dead and live(long) > 1 then
          call('SET', P .. 'q:' .. tag, sub(long, live(long)), 'EX', TTL)
        end
      elseif least > 0 then
        local from = live(list)
        dead = from > #list
        if not dead and from > 1 then
          list = sub(list, from)
          if not to then call('HSET', key, tag, list) end
        end
      end
      if dead then
        gone[#gone + 1] = tag
        added = added - 1
      elseif to and bucket_of(tag) ~= place then
        gone[#gone + 1] = tag
        moved[#moved + 1] = tag
        moved[#moved + 1] = list
      end
    end
    if #gone > 0 then call('HDEL', key, unpack(gone)) end
    if #moved > 0 then
      call('HSET', P .. 'p:' .. to, unpack(moved))
      call('EXPIRE', P .. 'p:' .. to, TTL)
    end
  end

  local splits = 0
  while entries + added > buckets * ENTRIES_PER_BUCKET and splits < 4 do
    local source = buckets - half
    buckets = buckets + 1
    if buckets == half * 2 + 1 then
      half = half * 2
      source = 0
    end
    tidy(source, buckets - 1)
    splits = splits + 1
  end
  if least > 0 then
    local sweep = tonumber(layout[3] or 0)
    for _ = 1, 2 do
      tidy(sweep % buckets, false)
      sweep = (sweep + 1) % buckets
    end
    call('HSET', P .. 'layout', 'sweep', sweep)
  end
  call('HSET', P .. 'layout', 'buckets', buckets, 'entries', math.max(0, entries + added))
  call('EXPIRE', P .. 'layout', TTL)
  call('HSET', P .. 'r:' .. chunk, number, ARGV[5])
  call('EXPIRE', P .. 'r:' .. chunk, TTL)
  if ARGV[6] ~= '' then
    call('HSET', P .. 't:' .. chunk, number, ARGV[6])
    call('EXPIRE', P .. 't:' .. chunk, TTL)
  end
  if latest and struct.unpack('>d', sub(latest, 5)) >= fetched then
    call('HSET', article, vfield, owner .. raw .. previous)
  elseif latest then
    call('HSET', article, vfield, owner .. raw .. previous, 'l', raw .. struct.pack('>d', fetched))
  else
    call('HSET', article, vfield, owner .. raw .. previous, 'l', raw .. struct.pack('>d', fetched), 'n', number)
  end
  call('EXPIRE', article, TTL)
  call('EXPIRE', P .. 'count', TTL)
  call('EXPIRE', P .. 'generation', TTL)
end

local found = {}
for i = 1, #order do
  local n = order[i]
  if hits[n] >= LEAST_HITS then
    local value = struct.unpack('>I4', n)
    if value < number then found[#found + 1] = {hits[n], value} end
  end
end
table.sort(found, function(a, b)
  if a[1] ~= b[1] then return a[1] > b[1] end
  return a[2] < b[2]
end)
local previous_text = ''
if previous ~= none then
  local n = struct.unpack('>I4', previous)
  previous_text = call('HGET', P .. 't:' .. math.floor(n / CHUNK), n) or ''
end
local reply = {'found', tostring(number), previous_text}
local taken = 0
for i = 1, #found do
  if taken == MOST_CANDIDATES then break end
  local n = found[i][2]
  local chunk = math.floor(n / CHUNK)
  local record = call('HGET', P .. 'r:' .. chunk, n)
  if record then
    taken = taken + 1
    local text = ''
    if taken <= MOST_TEXTS then text = call('HGET', P .. 't:' .. chunk, n) or '' end
    local at = #reply
    reply[at + 1] = tostring(n)
    reply[at + 2] = tostring(found[i][1])
    reply[at + 3] = record
    reply[at + 4] = text
  end
end
return reply
