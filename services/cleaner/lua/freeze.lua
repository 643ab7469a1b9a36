-- The snapshot of a place for a day, made at its first use and never changed after.
-- KEYS: the snapshot, then the lines of the window's days, the newest first.
-- ARGV: ttl of the snapshot, least articles, least share of the articles, most lines.
local held = redis.call('GET', KEYS[1])
if held then
  return held
end
local articles, sums = 0, {}
for number = 2, #KEYS do
  local counts = redis.call('HGETALL', KEYS[number])
  for at = 1, #counts, 2 do
    local line, count = counts[at], tonumber(counts[at + 1])
    if line == 'n' then
      articles = articles + count
    else
      sums[line] = (sums[line] or 0) + count
    end
  end
end
local least = math.max(tonumber(ARGV[2]), math.ceil(tonumber(ARGV[3]) * articles))
local found = {}
for line, count in pairs(sums) do
  if count >= least then
    found[#found + 1] = line
  end
end
-- by count, then by bytes: the same counts make the same snapshot
table.sort(found, function(one, two)
  if sums[one] ~= sums[two] then
    return sums[one] > sums[two]
  end
  return one < two
end)
local packed = table.concat(found, '', 1, math.min(#found, tonumber(ARGV[4])))
redis.call('SET', KEYS[1], packed, 'EX', ARGV[1])
return packed
