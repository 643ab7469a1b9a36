-- Whether the index is the one that this worker knows, with all it has put there. An index that is behind (Redis came
-- back from an older file) is closed for everybody, until the gap is indexed again.
--
-- KEYS[1] prefix; ARGV: 1 generation, then partition and the offset that must be indexed
if not is_open(ARGV[1]) then return 'lost' end
for i = 2, #ARGV, 2 do
  local indexed = call('HGET', P .. 'offsets', ARGV[i])
  if not indexed or tonumber(indexed) < tonumber(ARGV[i + 1]) then
    call('DEL', P .. 'generation')
    return 'lost'
  end
end
return 'ok'
