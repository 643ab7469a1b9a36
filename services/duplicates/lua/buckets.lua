-- The inverted index: p:<bucket> is a hash from a sketch hash (4 bytes) to the numbers that hold it (4 bytes each),
-- oldest first, and from an article key (16 bytes) to its versions. A list past INLINE bytes moves to q:<hash>, versions
-- past 64 to v:<key>, or the bucket would lose the compact form. Buckets grow by linear hashing (Litwin, 1980), one at a
-- time, so that a hash lies in one place however many articles there are. What has expired is swept out as articles
-- come.
--
-- r:<chunk> is a hash from numbers (4 bytes) to what is kept of the articles: the length of the record (2), record, text.
-- In one value, because two cost 180 bytes more; a last piece of it may lie in t:<chunk> (see redis_index.py).
--
-- A version is 32 bytes: version key (8), owner (8), number (4), number of the version before (4), fetched at (ms, 8; less
-- than 0 once withdrawn). A withdrawal is one with GONE for the version before.
local INLINE = 60
local NONE, GONE = '\0\0\0\0', '\255\255\255\255'
-- place swept next, oldest chunk of records left, place whose expiry is put off next, and when that was done last (s)
local layout = call('HMGET', P .. 'layout', 'buckets', 'entries', 'sweep', 'oldest', 'tended', 'tended_at')
local buckets, entries = tonumber(layout[1] or FIRST_BUCKETS), tonumber(layout[2] or 0)
local count = tonumber(call('GET', P .. 'count') or 0)
local BUCKET = P .. 'p:'

local function name_of(place)
  return BUCKET .. char(place % 256, floor(place / 256) % 256, floor(place / 65536))
end

local half = 1
local function measure()
  while half * 2 <= buckets do half = half * 2 end
end
measure()

-- A bucket's place is the lowest bits of a tag's first three bytes, lowest byte first: as many as double of `half` has,
-- and one less where there is no such bucket yet. So its name is the tag's first bytes (`whole`) and a tail that most
-- often the next byte alone decides. To reckon each place from the bytes was a third of the work on an article.
local whole, unit = 0, 1
while half * 2 > unit * 256 do whole, unit = whole + 1, unit * 256 end
local range, rest = half * 2 / unit, buckets % unit
local zeros = string.rep('\0', 2 - whole)

local function tail(value)
  return char(value) .. zeros
end

local edge = floor(buckets / unit)
local tails = setmetatable({}, {__index = function(known, high)
  local found = false
  if high < edge then
    found = tail(high)
  elseif high > edge or rest == 0 then
    found = tail(high - range / 2)
  end
  known[high] = found
  return found
end})

-- The bucket of a sketch hash or an article key, before the call makes more of them.
local function bucket_of(tag)
  local last = tails[byte(tag, whole + 1) % range]
  if not last then
    local a, b = byte(tag, 1, whole)
    last = tail(a + (b or 0) * 256 < rest and edge or edge - range / 2)
  end
  return BUCKET .. sub(tag, 1, whole) .. last
end

-- Every bucket has a field that stays, so that none can vanish and come back without an expiry.
local function begin()
  if layout[1] then return end
  for place = 0, FIRST_BUCKETS - 1 do
    call('HSET', name_of(place), '', '')
    call('EXPIRE', name_of(place), TTL * 2)
  end
  call('HSET', P .. 'layout', 'buckets', FIRST_BUCKETS)
  call('EXPIRE', P .. 'layout', TTL * 4)
end

local function versions_of(key, bucket)
  local versions = call('HGET', bucket, key)
  if versions == '+' then versions = call('GET', P .. 'v:' .. key) or '' end
  return versions or ''
end

local function put_versions(key, bucket, versions)
  if #versions <= 64 then
    call('HSET', bucket, key, versions)
  else
    call('SET', P .. 'v:' .. key, versions, 'EX', TTL)
    call('HSET', bucket, key, '+')
  end
end

-- the number of the version fetched last, as 4 bytes, and when; of two fetched at once the one that came first
local function latest_of(versions)
  local number, latest = NONE, -1
  for j = 1, #versions, 32 do
    if sub(versions, j + 20, j + 23) ~= GONE then
      local fetched = read('>d', versions, j + 24)
      if fetched > latest then number, latest = sub(versions, j + 16, j + 19), fetched end
    end
  end
  return number, latest
end

local function kept_of(number, with_text)
  local chunk = floor(read('>I4', number) / CHUNK)
  local kept = call('HGET', P .. 'r:' .. chunk, number)
  if not kept then return false end
  if not with_text then return sub(kept, 1, read('>I2', kept) + 2) end
  return kept .. (call('HGET', P .. 't:' .. chunk, number) or '')
end

-- Counts the numbers of a posting; `order` has them as they were met.
local function tally(list, hits, order)
  -- all at once, and not as strings: what many articles share is most of what is counted
  local numbers = {read('>' .. string.rep('I4', #list / 4), list)}
  for i = 1, #numbers - 1 do
    local number = numbers[i]
    local so_far = hits[number]
    if so_far then
      hits[number] = so_far + 1
    else
      hits[number] = 1
      order[#order + 1] = number
    end
  end
end

-- Answers: for each article a head of status (1), number (4), candidates (2) and length of the text before (4), that
-- text, and each candidate as number (4), hits (2), length of what is kept of it (4), and that; past MOST_TEXTS no text.
local function answer(parts, status, number, previous, hits, order, limit)
  local before = ''
  if previous ~= NONE then
    local kept = kept_of(previous, true)
    if kept then before = sub(kept, read('>I2', kept) + 3) end
  end
  local found = {}
  for i = 1, #order do
    local n = order[i]
    if n < limit and hits[n] >= LEAST_HITS then found[#found + 1] = {hits[n], n} end
  end
  if #found > 1 then
    table.sort(found, function(a, b)
      if a[1] ~= b[1] then return a[1] > b[1] end
      return a[2] < b[2]
    end)
  end
  local head = #parts + 1
  parts[head] = ''
  local taken = 0
  for i = 1, #found do
    if taken == MOST_CANDIDATES then break end
    local n = found[i][2]
    local kept = kept_of(write('>I4', n), taken < MOST_TEXTS)
    if kept then
      taken = taken + 1
      parts[#parts + 1] = write('>I4I2I4', n, found[i][1], #kept) .. kept
    end
  end
  parts[head] = write('>BI4I2I4', status, number, taken, #before) .. before
end
