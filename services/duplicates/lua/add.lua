-- Gives article versions their arrival numbers, inserts them, and finds what shares their sketch with lower numbers.
-- One atomic step: of two workers with copies of one text, exactly the later one sees the other.
--
-- KEYS[1] prefix of the shard
-- ARGV: 1 generation (or the rebuilder's token), then for each article: key (16 bytes), its version (version key 8, owner
-- 8, fetched in ms 8, least number 4), sketch (4 bytes a hash), and what is kept of it in one or two
-- pieces (see buckets.lua)
-- Returns "lost", or "ok" and an answer for each (see buckets.lua); status: 0 found, 1 found again for the same owner, 2
-- known from another owner, 3 withdrawn.
if not is_open(ARGV[1]) then return 'lost' end
local added, parts = 0, {'ok'}

begin()
local first_chunk, last_chunk
for i = 2, #ARGV, 5 do
  local key, ids, sketch = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local status, previous = 0, NONE
  local number = math.max(count + 1, (read('>I4', ids, 25)))
  local raw = write('>I4', number)
  local bucket = bucket_of(key)
  -- most articles are new: to try the insertion first spares them the search
  if call('HSETNX', bucket, key, sub(ids, 1, 16) .. raw .. NONE .. sub(ids, 17, 24)) == 1 then
    added = added + 1
  else
    local versions = versions_of(key, bucket)
    local fetched = read('>d', ids, 17)
    local kept, known, withdrawn = {}, false, false
    for j = 1, #versions, 32 do
      local version = sub(versions, j, j + 31)
      if sub(version, 21, 24) == GONE then
        withdrawn = read('>d', version, 25)
        -- what is fetched after a withdrawal undoes it
        if withdrawn >= fetched then kept[#kept + 1] = version end
      elseif sub(version, 1, 8) == sub(ids, 1, 8) then
        known = version
      else
        kept[#kept + 1] = version
      end
    end
    if known and sub(known, 9, 16) == sub(ids, 9, 16) then
      status, raw, previous = 1, sub(known, 17, 20), sub(known, 21, 24)
      number = read('>I4', raw)
    elseif known and not (withdrawn and withdrawn < fetched) then
      status = 2
    elseif withdrawn and withdrawn >= fetched then
      status = 3
    else
      -- the same words again after a withdrawal are a new arrival
      previous = latest_of(versions)
      kept[#kept + 1] = sub(ids, 1, 16) .. raw .. previous .. sub(ids, 17, 24)
      put_versions(key, bucket, table.concat(kept))
    end
  end
  if status > 1 then
    answer(parts, status, 0, NONE, {}, {}, 0)
  else
    local hits, order = {}, {}
    for at = 1, #sketch, 4 do
      local tag = sub(sketch, at, at + 3)
      bucket = bucket_of(tag)
      local posting = false
      if status == 1 then
        posting = call('HGET', bucket, tag)
      elseif call('HSETNX', bucket, tag, raw) == 1 then
        added = added + 1
      else
        posting = call('HGET', bucket, tag)
      end
      if posting then
        local list = posting
        if posting == '+' then list = call('GET', P .. 'q:' .. tag) or '' end
        tally(list, hits, order)
        if status == 0 then
          if posting == '+' then
            if #list < LONGEST_POSTING * 4 then call('APPEND', P .. 'q:' .. tag, raw) end
            call('EXPIRE', P .. 'q:' .. tag, TTL)
          elseif #list < INLINE then
            call('HSET', bucket, tag, list .. raw)
          else
            call('SET', P .. 'q:' .. tag, list .. raw, 'EX', TTL)
            call('HSET', bucket, tag, '+')
          end
        end
      end
    end
    if status == 0 then
      count = number
      local chunk = floor(number / CHUNK)
      first_chunk, last_chunk = first_chunk or chunk, chunk
      call('HSET', P .. 'r:' .. chunk, raw, ARGV[i + 3])
      if ARGV[i + 4] ~= '' then call('HSET', P .. 't:' .. chunk, raw, ARGV[i + 4]) end
    end
    answer(parts, status, number, previous, hits, order, number)
  end
end

if last_chunk then
  call('SET', P .. 'count', count, 'EX', TTL * 4)
  for chunk = first_chunk, last_chunk do
    call('EXPIRE', P .. 'r:' .. chunk, TTL)
    call('EXPIRE', P .. 't:' .. chunk, TTL)
  end
  -- records expire by chunks; postings of what is gone are swept out, bucket by bucket
  local oldest = tonumber(layout[4] or first_chunk)
  while oldest < last_chunk and call('EXISTS', P .. 'r:' .. oldest) == 0 do oldest = oldest + 1 end
  local least = oldest * CHUNK

  local function live(list)
    local from = 1
    while from <= #list and read('>I4', list, from) < least do from = from + 4 end
    return from
  end

  local function is_dead(tag, value)
    if #tag == 0 then return false end
    if #tag == 16 then
      if value == '+' then value = call('GET', P .. 'v:' .. tag) or '' end
      for j = 17, #value, 32 do
        if read('>I4', value, j) >= least then return false end
      end
      return true
    end
    if value == '+' then value = call('GET', P .. 'q:' .. tag) or '' end
    return live(value) > #value
  end

  -- what is dead in a bucket goes; with `to`, what by now belongs into that bucket is moved there
  local function tidy(place, to)
    local from = name_of(place)
    local all = call('HGETALL', from)
    local gone, moved = {}, {}
    -- of the places that a hash could lie in only one bit tells which by now
    local at, bit = 1, half
    if to then
      while bit >= 256 do at, bit = at + 1, bit / 256 end
    end
    for j = 1, #all, 2 do
      local tag, value = all[j], all[j + 1]
      if least > 0 and is_dead(tag, value) then
        gone[#gone + 1] = tag
        if value == '+' then call('DEL', P .. (#tag == 16 and 'v:' or 'q:') .. tag) end
        added = added - 1
      else
        if least > 0 and #tag == 4 then
          local list = value
          if value == '+' then list = call('GET', P .. 'q:' .. tag) or '' end
          local first = live(list)
          if first > 1 and value == '+' then
            call('SET', P .. 'q:' .. tag, sub(list, first), 'EX', TTL)
          elseif first > 1 then
            value = sub(list, first)
            call('HSET', from, tag, value)
          end
        end
        if to and #tag > 0 and byte(tag, at) % (2 * bit) >= bit then
          gone[#gone + 1] = tag
          moved[#moved + 1] = tag
          moved[#moved + 1] = value
        end
      end
    end
    if #gone > 0 then call('HDEL', from, unpack(gone)) end
    if to then
      call('HSET', name_of(to), '', '', unpack(moved))
      call('EXPIRE', name_of(to), TTL * 2)
    end
  end

  local sweep = tonumber(layout[3] or 0)
  if least > 0 then
    for _ = 1, 2 * floor(#ARGV / 5) do
      tidy(sweep % buckets, false)
      sweep = (sweep + 1) % buckets
    end
  end
  local splits = 0
  while entries + added > buckets * ENTRIES_PER_BUCKET and splits < 2 * #ARGV do
    local source = buckets - half
    tidy(source, buckets)
    buckets = buckets + 1
    if buckets == half * 2 then measure() end
    splits = splits + 1
  end
  call(
    'HSET', P .. 'layout', 'buckets', buckets, 'entries', math.max(0, entries + added), 'sweep', sweep, 'oldest', oldest
  )
  call('EXPIRE', P .. 'layout', TTL * 4)
end
return table.concat(parts)
