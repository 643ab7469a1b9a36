-- Notes the offset up to which each partition is indexed; never goes back.
--
-- KEYS[1] prefix; ARGV: 1 generation (or the rebuilder's token), 2 ttl (s), then partition and offset
local P = KEYS[1]
if redis.call('GET', P .. (string.sub(ARGV[1], 1, 1) == 'r' and 'rebuilder' or 'generation')) ~= ARGV[1] then return 'lost' end
for i = 3, #ARGV, 2 do
  local indexed = redis.call('HGET', P .. 'offsets', ARGV[i])
  if not indexed or tonumber(indexed) < tonumber(ARGV[i + 1]) then
    redis.call('HSET', P .. 'offsets', ARGV[i], ARGV[i + 1])
  end
end
redis.call('EXPIRE', P .. 'offsets', ARGV[2])
return 'ok'
