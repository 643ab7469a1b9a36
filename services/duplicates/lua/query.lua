-- What shares the sketch of articles that another shard took in, with lower numbers.
--
-- KEYS[1] prefix of the shard
-- ARGV: 1 generation (or the rebuilder's token), then for each article: limit (4 bytes: numbers below it are lower), sketch
-- Returns as add.lua does.
-- A shard's numbers are a Lamport clock (Lamport, 1978): whatever is inserted here later gets a higher number than what
-- has asked here. So the higher of two numbers always finds the lower, in whatever order their workers came.
if not is_open(ARGV[1]) then return 'lost' end
local parts, asked = {'ok'}, count
for i = 2, #ARGV, 2 do
  local limit, sketch = read('>I4', ARGV[i]), ARGV[i + 1]
  if limit > asked then asked = limit end
  local hits, order = {}, {}
  for at = 1, #sketch, 4 do
    local tag = sub(sketch, at, at + 3)
    local list = call('HGET', bucket_of(tag), tag)
    if list == '+' then list = call('GET', P .. 'q:' .. tag) end
    if list then tally(list, hits, order) end
  end
  answer(parts, 0, 0, NONE, hits, order, limit)
end
if asked > count then call('SET', P .. 'count', asked, 'EX', TTL * 4) end
return table.concat(parts)
