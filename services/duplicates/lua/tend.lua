-- Puts off the expiry of the buckets that are due, so that no insertion has to: all are gone through twice a TTL, and each
-- is kept for two.
--
-- KEYS[1] prefix of the shard; ARGV: 1 generation (or the rebuilder's token), 2 now (s)
if not is_open(ARGV[1]) then return 'lost' end
if not layout[1] then return 'ok' end
local now, place = tonumber(ARGV[2]), tonumber(layout[5] or 0)
local at = tonumber(layout[6] or now)
local due = math.max(0, math.min(MOST_TENDED, buckets, floor(buckets * (now - at) / (TTL / 2))))
for _ = 1, due do
  call('EXPIRE', name_of(place % buckets), TTL * 2)
  place = (place + 1) % buckets
end
-- what is left of it is due the next time
if due == buckets then at = now else at = at + due * (TTL / 2) / buckets end
call('HSET', P .. 'layout', 'tended', place, 'tended_at', string.format('%.3f', at))
call('EXPIRE', P .. 'layout', TTL * 4)
call('EXPIRE', P .. 'count', TTL * 4)
call('EXPIRE', P .. 'generation', TTL)
return 'ok'
