-- Takes an article out of index and clusters. Done once an owner: a second call returns what the first one stored.
--
-- KEYS[1] prefix
-- ARGV: 1 generation (or the rebuilder's token), 2 article key, 3 owner (16 bytes), 4 withdrawn at (ms), 5 ttl (s)
-- Returns {"lost"} | {"unknown"} | {"removed", stored}; stored is strings, each after its length:
--   cluster id ("" when it was in none), size, outlets, earliest reason, earliest ref
local P = KEYS[1]
if redis.call('GET', P .. (string.sub(ARGV[1], 1, 1) == 'r' and 'rebuilder' or 'generation')) ~= ARGV[1] then return {'lost'} end
local article = P .. 'a:' .. ARGV[2]
local stored = redis.call('HGET', article, 'x' .. ARGV[3])
if stored then return {'removed', stored} end
local at = tonumber(ARGV[4])
local latest = redis.call('HGET', article, 'l')
local withdrawn = redis.call('HGET', article, 'w')
if latest and struct.unpack('>d', string.sub(latest, 5)) > at then return {'unknown'} end
if not withdrawn or tonumber(withdrawn) < at then redis.call('HSET', article, 'w', ARGV[4]) end
redis.call('EXPIRE', article, ARGV[5])
if not latest then return {'unknown'} end
local all = redis.call('HGETALL', article)
for i = 1, #all, 2 do
  if string.sub(all[i], 1, 1) == 'v' and #all[i] == 17 then
    local number = struct.unpack('>I4', string.sub(all[i + 1], 17, 20))
    local chunk = math.floor(number / CHUNK)
    redis.call('HDEL', P .. 'r:' .. chunk, number)
    redis.call('HDEL', P .. 't:' .. chunk, number)
  end
end
local parts = {'', '', '', '', ''}
local cluster = redis.call('HGET', article, 'c')
if cluster then
  local to = redis.call('HGET', P .. 'c:' .. cluster, 'to')
  while to do
    cluster = to
    to = redis.call('HGET', P .. 'c:' .. cluster, 'to')
  end
  local c = P .. 'c:' .. cluster
  local old = redis.call('HGET', c, 'm' .. ARGV[2])
  if old then
    local _, member = string.match(old, '^(.-)\t(.*)$')
    local outlet, counted = string.match(member, '^([^\t]*)\t([^\t]*)\t')
    if counted == '1' and redis.call('HINCRBY', c, 'o' .. outlet, -1) < 1 then
      redis.call('HDEL', c, 'o' .. outlet)
      redis.call('HINCRBY', c, 'outlets', -1)
    end
    redis.call('HDEL', c, 'm' .. ARGV[2])
    local size = redis.call('HINCRBY', c, 'size', -1)
    parts[1], parts[2], parts[3] = cluster, tostring(size), redis.call('HGET', c, 'outlets') or '0'
    local members = redis.call('HGETALL', c)
    local best, best_key, best_score, best_number
    for i = 1, #members, 2 do
      if string.sub(members[i], 1, 1) == 'm' and members[i] ~= 'min' then
        local n, m = string.match(members[i + 1], '^(.-)\t(.*)$')
        local _, _, score = string.match(m, '^([^\t]*)\t([^\t]*)\t([^\t]*)\t')
        score, n = tonumber(score), tonumber(n)
        if not best or score < best_score or (score == best_score and n < best_number) then
          best, best_key, best_score, best_number = m, string.sub(members[i], 2), score, n
        end
      end
    end
    if best then
      redis.call('HSET', c, 'e', best_key)
      local _, _, _, reason, _, ref = string.match(best, '^([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$')
      parts[4], parts[5] = reason, ref
    else
      redis.call('DEL', c)
    end
  end
end
local packed = {}
for i = 1, #parts do packed[i] = struct.pack('>I4', #parts[i]) .. parts[i] end
stored = table.concat(packed)
-- a later version starts anew
redis.call('HDEL', article, 'c', 'n', 'l', 's', 'p')
redis.call('HSET', article, 'x' .. ARGV[3], stored)
redis.call('EXPIRE', article, ARGV[5])
return {'removed', stored}
