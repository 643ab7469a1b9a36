-- Adds the lines of articles to their places' days, each unless the window has seen its page or its headline.
-- KEYS: for each article the day's places, the day's lines, then the voters of the window's days, the newest first.
-- ARGV: ttl, most places, most lines, most voters, the window's days; then for each article its place, how many voters,
-- how many lines, the voters, the lines.
-- Returns for each article: counted, known, full (no room for another place), or enough (of the place on that day).
local ttl, most_places, most_lines = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local most_voters, days = tonumber(ARGV[4]), tonumber(ARGV[5])

-- `first` is the article's first key, `at` where its arguments begin
local function count(first, at)
  local places, lines, today = KEYS[first], KEYS[first + 1], KEYS[first + 2]
  local place, voters = ARGV[at], tonumber(ARGV[at + 1])
  local last_voter = at + 2 + voters
  local last_line = last_voter + tonumber(ARGV[at + 2])
  for number = first + 2, first + 1 + days do
    for voter = at + 3, last_voter do
      if redis.call('HEXISTS', KEYS[number], ARGV[voter]) == 1 then
        return 'known'
      end
    end
  end
  if redis.call('SISMEMBER', places, place) == 0 then
    if redis.call('SCARD', places) >= most_places then
      return 'full'
    end
    redis.call('SADD', places, place)
    redis.call('EXPIRE', places, ttl)
  end
  if redis.call('HLEN', today) + voters > most_voters then
    return 'enough'
  end
  for voter = at + 3, last_voter do
    redis.call('HSET', today, ARGV[voter], '')
  end
  redis.call('EXPIRE', today, ttl)
  redis.call('HINCRBY', lines, 'n', 1)
  local held = redis.call('HLEN', lines)
  if held + last_line - last_voter > most_lines then
    -- what was seen once makes room
    local counts, seldom = redis.call('HGETALL', lines), {}
    for number = 1, #counts, 2 do
      if counts[number] ~= 'n' and counts[number + 1] == '1' then
        seldom[#seldom + 1] = counts[number]
      end
    end
    for number = 1, #seldom, 100 do
      redis.call('HDEL', lines, unpack(seldom, number, math.min(number + 99, #seldom)))
    end
    held = held - #seldom
  end
  for line = last_voter + 1, last_line do
    if held < most_lines or redis.call('HEXISTS', lines, ARGV[line]) == 1 then
      if redis.call('HINCRBY', lines, ARGV[line], 1) == 1 then
        held = held + 1
      end
    end
  end
  redis.call('EXPIRE', lines, ttl)
  return 'counted'
end

local results, at = {}, 6
for first = 1, #KEYS, 2 + days do
  results[#results + 1] = count(first, at)
  at = at + 3 + tonumber(ARGV[at + 1]) + tonumber(ARGV[at + 2])
end
return results
