-- Adds an article's lines to its place's day, unless the window has seen its page or its headline.
-- KEYS: the day's places, the day's lines, then the voters of the window's days, the newest first.
-- ARGV: ttl, most places, most lines, most voters, the place, how many voters, the voters, the lines.
local ttl, most_lines = ARGV[1], tonumber(ARGV[3])
local voters = tonumber(ARGV[6])
for number = 3, #KEYS do
  for at = 7, 6 + voters do
    if redis.call('HEXISTS', KEYS[number], ARGV[at]) == 1 then
      return 'known'
    end
  end
end
if redis.call('SISMEMBER', KEYS[1], ARGV[5]) == 0 then
  if redis.call('SCARD', KEYS[1]) >= tonumber(ARGV[2]) then
    return 'full'
  end
  redis.call('SADD', KEYS[1], ARGV[5])
  redis.call('EXPIRE', KEYS[1], ttl)
end
if redis.call('HLEN', KEYS[3]) + voters > tonumber(ARGV[4]) then
  return 'enough'
end
for at = 7, 6 + voters do
  redis.call('HSET', KEYS[3], ARGV[at], '')
end
redis.call('EXPIRE', KEYS[3], ttl)
redis.call('HINCRBY', KEYS[2], 'n', 1)
local held = redis.call('HLEN', KEYS[2])
if held + #ARGV - 6 - voters > most_lines then
  -- what was seen once makes room
  local counts, seldom = redis.call('HGETALL', KEYS[2]), {}
  for at = 1, #counts, 2 do
    if counts[at] ~= 'n' and counts[at + 1] == '1' then
      seldom[#seldom + 1] = counts[at]
    end
  end
  for at = 1, #seldom, 100 do
    redis.call('HDEL', KEYS[2], unpack(seldom, at, math.min(at + 99, #seldom)))
  end
  held = held - #seldom
end
for at = 7 + voters, #ARGV do
  if held < most_lines or redis.call('HEXISTS', KEYS[2], ARGV[at]) == 1 then
    if redis.call('HINCRBY', KEYS[2], ARGV[at], 1) == 1 then
      held = held + 1
    end
  end
end
redis.call('EXPIRE', KEYS[2], ttl)
return 'counted'
