-- Joins an article to the clusters of its matches and stores its result under its version. Done once: a second call
-- returns what the first one stored.
--
-- KEYS[1] prefix
-- ARGV: 1 generation (or the rebuilder's token), 2 article key, 3 version key, 4 payload, 5 alert id, 6 tokens of the matches ("\n" between),
--       7 ttl (s), 8 "1" to make a cluster of one, 9 own member (see below), then key and member of each link
-- A member is "outlet\tcounted\tscore\treason\tsighting\tref": counted and sighting 0 or 1, score the published ms.
-- Returns {"lost"} | {"gone"} | {"result", stored}; stored is strings, each after its length (4 bytes):
--   payload, same matches (0/1), previous alert id, cluster id, size, outlets, earliest reason, earliest ref,
--   how many clusters were merged, their ids, then "sighting\tref" of each member that joined ("u" before: was one)
local P = KEYS[1]
local ttl = ARGV[7]
if redis.call('GET', P .. (string.sub(ARGV[1], 1, 1) == 'r' and 'rebuilder' or 'generation')) ~= ARGV[1] then return {'lost'} end
local article = P .. 'a:' .. ARGV[2]
local rfield = 'r' .. ARGV[3]
local stored = redis.call('HGET', article, rfield)
if stored then return {'result', stored} end

local function find(key)
  local cluster = redis.call('HGET', P .. 'a:' .. key, 'c')
  if not cluster then return false end
  local start = cluster
  local to = redis.call('HGET', P .. 'c:' .. cluster, 'to')
  while to do
    cluster = to
    to = redis.call('HGET', P .. 'c:' .. cluster, 'to')
  end
  if redis.call('EXISTS', P .. 'c:' .. cluster) == 0 then return false end
  if cluster ~= start then redis.call('HSET', P .. 'a:' .. key, 'c', cluster) end
  return cluster
end

local function split(member)
  return string.match(member, '^([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$')
end

-- earlier publication first, then the lower arrival number
local function earlier(score, number, than_score, than_number)
  if score ~= than_score then return score < than_score end
  return number < than_number
end

local function put(cluster, key, number, member)
  local c = P .. 'c:' .. cluster
  local outlet, counted, score, reason, sighting, ref = split(member)
  local old = redis.call('HGET', c, 'm' .. key)
  if old then
    local _, before = string.match(old, '^(.-)\t(.*)$')
    local was_outlet, was_counted, was_score, was_reason = split(before)
    -- an update does not make an article younger
    if tonumber(was_score) < tonumber(score) then
      member = table.concat({outlet, counted, was_score, was_reason, sighting, ref}, '\t')
    end
    if was_counted == '1' and redis.call('HINCRBY', c, 'o' .. was_outlet, -1) < 1 then
      redis.call('HDEL', c, 'o' .. was_outlet)
      redis.call('HINCRBY', c, 'outlets', -1)
    end
  else
    redis.call('HINCRBY', c, 'size', 1)
  end
  if counted == '1' and redis.call('HINCRBY', c, 'o' .. outlet, 1) == 1 then
    redis.call('HINCRBY', c, 'outlets', 1)
  end
  redis.call('HSET', c, 'm' .. key, number .. '\t' .. member)
  local least = redis.call('HGET', c, 'min')
  if not least or tonumber(number) < tonumber(least) then redis.call('HSET', c, 'min', number) end
  -- a member may outlive its article's own key, and then must not bring it back without an expiry
  if redis.call('EXISTS', P .. 'a:' .. key) == 1 then redis.call('HSET', P .. 'a:' .. key, 'c', cluster) end
end

local function choose_earliest(cluster)
  local c = P .. 'c:' .. cluster
  local all = redis.call('HGETALL', c)
  local best, best_score, best_number
  for i = 1, #all, 2 do
    if string.sub(all[i], 1, 1) == 'm' and all[i] ~= 'min' then
      local n, member = string.match(all[i + 1], '^(.-)\t(.*)$')
      local _, _, score = split(member)
      score, n = tonumber(score), tonumber(n)
      if not best or earlier(score, n, best_score, best_number) then
        best, best_score, best_number = string.sub(all[i], 2), score, n
      end
    end
  end
  if best then redis.call('HSET', c, 'e', best) end
end

local function consider(cluster, key)
  local c = P .. 'c:' .. cluster
  local e = redis.call('HGET', c, 'e')
  if not e then redis.call('HSET', c, 'e', key); return end
  if e == key then choose_earliest(cluster); return end
  local n, best = string.match(redis.call('HGET', c, 'm' .. e), '^(.-)\t(.*)$')
  local number, member = string.match(redis.call('HGET', c, 'm' .. key), '^(.-)\t(.*)$')
  local _, _, best_score = split(best)
  local _, _, score = split(member)
  if earlier(tonumber(score), tonumber(number), tonumber(best_score), tonumber(n)) then redis.call('HSET', c, 'e', key) end
end

local function number_of(key)
  return redis.call('HGET', P .. 'a:' .. key, 'n')
end

local own_number = number_of(ARGV[2])
if not own_number then return {'gone'} end
local keys, members, numbers, seen = {ARGV[2]}, {ARGV[9]}, {own_number}, {[ARGV[2]] = true}
for i = 10, #ARGV, 2 do
  local n = number_of(ARGV[i])
  -- withdrawn since it was found: nothing to join
  if n and not seen[ARGV[i]] and redis.call('HEXISTS', P .. 'a:' .. ARGV[i], 'w') == 0 then
    seen[ARGV[i]] = true
    keys[#keys + 1], members[#members + 1], numbers[#numbers + 1] = ARGV[i], ARGV[i + 1], n
  end
end

local cluster, merged, joined = false, {}, {}
local own_cluster = find(ARGV[2])
if #keys > 1 or own_cluster or ARGV[8] == '1' then
  -- the oldest of the clusters met keeps its id; without one, the member with the lowest number gives it
  local met, order, lowest = {}, {}, 1
  for i = 1, #keys do
    local c = find(keys[i])
    if c and not met[c] then
      met[c] = true
      order[#order + 1] = {tonumber(redis.call('HGET', P .. 'c:' .. c, 'min')), c}
    end
    if tonumber(numbers[i]) < tonumber(numbers[lowest]) then lowest = i end
  end
  table.sort(order, function(a, b)
    if a[1] ~= b[1] then return a[1] < b[1] end
    return a[2] < b[2]
  end)
  if #order > 0 then
    cluster = order[1][2]
  else
    cluster = string.sub(redis.sha1hex('cluster' .. keys[lowest]), 1, 32)
    -- taken by an older cluster that its name giver has left
    while redis.call('EXISTS', P .. 'c:' .. cluster) == 1 do
      cluster = string.sub(redis.sha1hex(cluster .. numbers[lowest]), 1, 32)
    end
  end
  for i = 2, #order do
    local from = order[i][2]
    merged[#merged + 1] = from
    local all = redis.call('HGETALL', P .. 'c:' .. from)
    for j = 1, #all, 2 do
      if string.sub(all[j], 1, 1) == 'm' and all[j] ~= 'min' then
        local key = string.sub(all[j], 2)
        local n, member = string.match(all[j + 1], '^(.-)\t(.*)$')
        put(cluster, key, n, member)
        consider(cluster, key)
      elseif string.sub(all[j], 1, 1) == 'k' then
        redis.call('HSET', P .. 'c:' .. cluster, all[j], '')
      end
    end
    redis.call('DEL', P .. 'c:' .. from)
    redis.call('HSET', P .. 'c:' .. from, 'to', cluster)
    redis.call('EXPIRE', P .. 'c:' .. from, ttl)
  end
  for i = #keys, 1, -1 do
    local is_member = redis.call('HEXISTS', P .. 'c:' .. cluster, 'm' .. keys[i]) == 1
    -- a match keeps what its own arrival said of it; the arriving article brings its newest version
    if i == 1 or not is_member then
      put(cluster, keys[i], numbers[i], members[i])
      consider(cluster, keys[i])
      local _, _, _, _, sighting, ref = split(members[i])
      joined[#joined + 1] = (is_member and 'u' or '') .. sighting .. '\t' .. ref
    end
  end
  redis.call('EXPIRE', P .. 'c:' .. cluster, ttl)
end

local same, previous_alert = '0', redis.call('HGET', article, 'p') or ''
if ARGV[6] ~= '' then
  local had = redis.call('HGET', article, 's')
  local set, new = {}, false
  if had then for token in string.gmatch(had, '[^\n]+') do set[token] = true end end
  local all = had or ''
  for token in string.gmatch(ARGV[6], '[^\n]+') do
    if not set[token] then
      new = true
      all = all == '' and token or (all .. '\n' .. token)
    end
  end
  -- Which outlets of a cluster have been told to share words. Another page of an outlet whose copy was told of before
  -- is a sighting and tells nothing, in whatever order the pages and the copy came.
  local outlet, _, _, _, sighting = split(ARGV[9])
  local untold = not cluster
  if cluster then
    for token in string.gmatch(ARGV[6], '[^\n]+') do
      local other = string.match(token, '^(.*)|')
      local pair = 'k' .. (outlet < other and (outlet .. '|' .. other) or (other .. '|' .. outlet))
      if redis.call('HSETNX', P .. 'c:' .. cluster, pair, '') == 1 then untold = true end
    end
  end
  if had and not new then
    same = '1'
  elseif sighting == '1' and not untold then
    same = '1'
    redis.call('HSET', article, 's', all)
  else
    redis.call('HSET', article, 's', all, 'p', ARGV[5])
  end
end

local parts = {ARGV[4], same, previous_alert}
if cluster then
  local c = P .. 'c:' .. cluster
  local e = redis.call('HGET', c, 'e')
  local _, best = string.match(redis.call('HGET', c, 'm' .. e), '^(.-)\t(.*)$')
  local _, _, _, reason, _, ref = split(best)
  parts[4], parts[5] = cluster, redis.call('HGET', c, 'size')
  parts[6] = redis.call('HGET', c, 'outlets') or '0'
  parts[7], parts[8] = reason, ref
else
  for i = 4, 8 do parts[i] = '' end
end
parts[9] = tostring(#merged)
for i = 1, #merged do parts[#parts + 1] = merged[i] end
for i = 1, #joined do parts[#parts + 1] = joined[i] end
local packed = {}
for i = 1, #parts do packed[i] = struct.pack('>I4', #parts[i]) .. parts[i] end
stored = table.concat(packed)
redis.call('HSET', article, rfield, stored)
redis.call('EXPIRE', article, ttl)
return {'result', stored}
