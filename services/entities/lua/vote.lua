-- One vote: on a day, an outlet's domain printed an alias beside the name that it stands for. KEYS[1] is the bucket
-- that the alias's hash chose; a bucket is a hash of aliases, an alias JSON: {c = {folded name = {n = name as printed,
-- v = {domain = {first day, last day}}}}}. A domain's vote is there or not, so that a vote that comes twice changes
-- nothing. Answers counted, known or refused.
local bucket = KEYS[1]
local alias, folded, name, domain, day = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])

local function domains_of(entry)
  local seen, count, last = {}, 0, 0
  for _, candidate in pairs(entry.c) do
    for voter, days in pairs(candidate.v) do
      if not seen[voter] then
        seen[voter] = true
        count = count + 1
      end
      last = math.max(last, days[2])
    end
  end
  return seen, count, last
end

-- fewer domains first, then older, then by key: the same choice on every server
local function is_weaker(count, last, key, than)
  if count ~= than.count then
    return count < than.count
  end
  if last ~= than.last then
    return last < than.last
  end
  return key < than.key
end

local stored = redis.call('HGET', bucket, alias)
local entry
if stored then
  entry = cjson.decode(stored)
else
  entry = { c = {} }
  if redis.call('HLEN', bucket) >= MOST_ALIASES / 4 then
    -- a domain that fills the bucket with what it alone says makes room among its own, not among the others'
    local rows = redis.call('HGETALL', bucket)
    local weakest, own, alone = nil, nil, 0
    for i = 1, #rows, 2 do
      local seen, count, last = domains_of(cjson.decode(rows[i + 1]))
      local place = { count = count, last = last, key = rows[i] }
      if count == 1 and seen[domain] then
        alone = alone + 1
        if not own or is_weaker(count, last, rows[i], own) then
          own = place
        end
      end
      if not weakest or is_weaker(count, last, rows[i], weakest) then
        weakest = place
      end
    end
    if alone >= MOST_ALIASES / 4 then
      redis.call('HDEL', bucket, own.key)
    elseif #rows / 2 >= MOST_ALIASES then
      if weakest.count >= 3 and weakest.last > day - WINDOW_DAYS then
        return 'refused'
      end
      redis.call('HDEL', bucket, weakest.key)
    end
  end
end

local candidate = entry.c[folded]
if not candidate then
  local count, weakest, fewest, oldest = 0, nil, nil, nil
  for key, other in pairs(entry.c) do
    count = count + 1
    local domains, last = 0, 0
    for _, days in pairs(other.v) do
      domains = domains + 1
      last = math.max(last, days[2])
    end
    local place = { count = domains, last = last, key = key }
    if not weakest or is_weaker(domains, last, key, weakest) then
      weakest = place
    end
  end
  if count >= MOST_CANDIDATES then
    if weakest.count >= 2 and weakest.last > day - WINDOW_DAYS then
      return 'refused'
    end
    entry.c[weakest.key] = nil
  end
  candidate = { n = name, v = {} }
  entry.c[folded] = candidate
end

local days = candidate.v[domain]
if days then
  if day >= days[1] and day <= days[2] then
    return 'known'
  end
  candidate.v[domain] = { math.min(day, days[1]), math.max(day, days[2]) }
else
  local count, oldest = 0, nil
  for voter, voted in pairs(candidate.v) do
    count = count + 1
    if not oldest or voted[2] < candidate.v[oldest][2] or (voted[2] == candidate.v[oldest][2] and voter < oldest) then
      oldest = voter
    end
  end
  if count >= MOST_DOMAINS then
    if candidate.v[oldest][2] >= day then
      return 'refused'
    end
    candidate.v[oldest] = nil
  end
  candidate.v[domain] = { day, day }
end
redis.call('HSET', bucket, alias, cjson.encode(entry))
redis.call('EXPIRE', bucket, TTL)
return 'counted'
