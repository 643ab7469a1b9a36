-- Takes a withdrawn article out of its cluster. Done once an owner: a second call returns what the first one stored.
--
-- KEYS[1] prefix
-- ARGV: 1 generation (or the rebuilder's token), 2 article key, 3 owner, 4 withdrawn at (ms), 5 what the index said of it
-- Returns {"lost"} | {"unknown"} | {"removed", stored}; stored is strings, each after its length:
--   cluster id ("" when it was in none), size, outlets, earliest reason, earliest ref
if not is_open(ARGV[1]) then return {'lost'} end
local article = P .. 'a:' .. ARGV[2]
local stored = call('HGET', article, 'x' .. ARGV[3])
if stored then return {'removed', stored} end
if ARGV[5] ~= 'removed' then return {'unknown'} end
local withdrawn = call('HGET', article, 'w')
if not withdrawn or tonumber(withdrawn) < tonumber(ARGV[4]) then call('HSET', article, 'w', ARGV[4]) end
local parts = {'', '', '', '', ''}
local cluster = call('HGET', article, 'c')
if cluster then
  local to = call('HGET', P .. 'c:' .. cluster, 'to')
  while to do
    cluster = to
    to = call('HGET', P .. 'c:' .. cluster, 'to')
  end
  local c = P .. 'c:' .. cluster
  local old = call('HGET', c, 'm' .. ARGV[2])
  if old then
    local _, member = string.match(old, '^(.-)\t(.*)$')
    local outlet, counted = string.match(member, '^([^\t]*)\t([^\t]*)\t')
    if counted == '1' and call('HINCRBY', c, 'o' .. outlet, -1) < 1 then
      call('HDEL', c, 'o' .. outlet)
      call('HINCRBY', c, 'outlets', -1)
    end
    call('HDEL', c, 'm' .. ARGV[2])
    local size = call('HINCRBY', c, 'size', -1)
    parts[1], parts[2], parts[3] = cluster, tostring(size), call('HGET', c, 'outlets') or '0'
    local members = call('HGETALL', c)
    local best, best_key, best_score, best_number
    for i = 1, #members, 2 do
      if sub(members[i], 1, 1) == 'm' and members[i] ~= 'min' then
        local n, m = string.match(members[i + 1], '^(.-)\t(.*)$')
        local _, _, score = string.match(m, '^([^\t]*)\t([^\t]*)\t([^\t]*)\t')
        score, n = tonumber(score), tonumber(n)
        if not best or score < best_score or (score == best_score and n < best_number) then
          best, best_key, best_score, best_number = m, sub(members[i], 2), score, n
        end
      end
    end
    if best then
      call('HSET', c, 'e', best_key)
      local _, _, _, reason, _, ref = string.match(best, '^([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$')
      parts[4], parts[5] = reason, ref
    else
      call('DEL', c)
    end
  end
end
local packed = {}
for i = 1, #parts do packed[i] = write('>I4', #parts[i]) .. parts[i] end
stored = table.concat(packed)
-- a later version starts anew
call('HDEL', article, 'c', 'n', 's', 'p')
call('HSET', article, 'x' .. ARGV[3], stored)
call('EXPIRE', article, TTL)
return {'removed', stored}
