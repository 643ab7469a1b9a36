-- Notes the offset up to which each partition is indexed; never goes back.
--
-- KEYS[1] prefix; ARGV: 1 generation (or the rebuilder's token), then partition and offset
if not is_open(ARGV[1]) then return 'lost' end
for i = 2, #ARGV, 2 do
  local indexed = call('HGET', P .. 'offsets', ARGV[i])
  if not indexed or tonumber(indexed) < tonumber(ARGV[i + 1]) then call('HSET', P .. 'offsets', ARGV[i], ARGV[i + 1]) end
end
call('EXPIRE', P .. 'offsets', TTL)
return 'ok'
