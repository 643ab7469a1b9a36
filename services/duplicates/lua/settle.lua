-- Joins an article to the clusters of its matches and stores its result under its version. Done once: a second call
-- returns what the first one stored.
--
-- KEYS[1] prefix
-- ARGV: 1 generation (or the rebuilder's token), 2 article key, 3 version key and owner, then nothing more where only what
-- is stored is asked for; else 4 payload, 5 alert id, 6 tokens of the matches ("\n" between), 7 "1" to make a cluster of
-- one, then key, arrival number, fetched at (ms) and member of the article itself and of each link.
-- A member is "outlet\tcounted\tscore\treason\tsighting\tref": counted and sighting 0 or 1, score the published ms.
-- Returns {"lost"} | {"gone"} | {"none"} | {"result", stored}; stored is strings, each after its length (4 bytes):
--   payload, same matches (0/1), previous alert id, cluster id, size, outlets, earliest reason, earliest ref,
--   how many clusters were merged, their ids, then "sighting\tref" of each member that joined ("u" before: was one)
if not is_open(ARGV[1]) then return {'lost'} end
local article = P .. 'a:' .. ARGV[2]
local rfield = 'r' .. ARGV[3]
local stored = call('HGET', article, rfield)
if stored then return {'result', stored} end
if not ARGV[4] then return {'none'} end

local function find(key)
  local cluster = call('HGET', P .. 'a:' .. key, 'c')
  if not cluster then return false end
  local start = cluster
  local to = call('HGET', P .. 'c:' .. cluster, 'to')
  while to do
    cluster = to
    to = call('HGET', P .. 'c:' .. cluster, 'to')
  end
  if call('EXISTS', P .. 'c:' .. cluster) == 0 then return false end
  if cluster ~= start then call('HSET', P .. 'a:' .. key, 'c', cluster) end
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
  local old = call('HGET', c, 'm' .. key)
  if old then
    local _, before = string.match(old, '^(.-)\t(.*)$')
    local was_outlet, was_counted, was_score, was_reason = split(before)
    -- an update does not make an article younger
    if tonumber(was_score) < tonumber(score) then
      member = table.concat({outlet, counted, was_score, was_reason, sighting, ref}, '\t')
    end
    if was_counted == '1' and call('HINCRBY', c, 'o' .. was_outlet, -1) < 1 then
      call('HDEL', c, 'o' .. was_outlet)
      call('HINCRBY', c, 'outlets', -1)
    end
  else
    call('HINCRBY', c, 'size', 1)
  end
  if counted == '1' and call('HINCRBY', c, 'o' .. outlet, 1) == 1 then
    call('HINCRBY', c, 'outlets', 1)
  end
  call('HSET', c, 'm' .. key, number .. '\t' .. member)
  local least = call('HGET', c, 'min')
  if not least or tonumber(number) < tonumber(least) then call('HSET', c, 'min', number) end
  call('HSET', P .. 'a:' .. key, 'c', cluster)
  call('HSETNX', P .. 'a:' .. key, 'n', number)
  call('EXPIRE', P .. 'a:' .. key, TTL)
end

local function choose_earliest(cluster)
  local c = P .. 'c:' .. cluster
  local all = call('HGETALL', c)
  local best, best_score, best_number
  for i = 1, #all, 2 do
    if sub(all[i], 1, 1) == 'm' and all[i] ~= 'min' then
      local n, member = string.match(all[i + 1], '^(.-)\t(.*)$')
      local _, _, score = split(member)
      score, n = tonumber(score), tonumber(n)
      if not best or earlier(score, n, best_score, best_number) then
        best, best_score, best_number = sub(all[i], 2), score, n
      end
    end
  end
  if best then call('HSET', c, 'e', best) end
end

local function consider(cluster, key)
  local c = P .. 'c:' .. cluster
  local e = call('HGET', c, 'e')
  if not e then call('HSET', c, 'e', key); return end
  if e == key then choose_earliest(cluster); return end
  local n, best = string.match(call('HGET', c, 'm' .. e), '^(.-)\t(.*)$')
  local number, member = string.match(call('HGET', c, 'm' .. key), '^(.-)\t(.*)$')
  local _, _, best_score = split(best)
  local _, _, score = split(member)
  if earlier(tonumber(score), tonumber(number), tonumber(best_score), tonumber(n)) then call('HSET', c, 'e', key) end
end

local function is_withdrawn(key, fetched)
  local at = call('HGET', P .. 'a:' .. key, 'w')
  return at and tonumber(at) >= tonumber(fetched)
end

if is_withdrawn(ARGV[2], ARGV[10]) then return {'gone'} end
local keys, members, numbers, seen = {}, {}, {}, {}
for i = 8, #ARGV, 4 do
  local key = ARGV[i]
  -- withdrawn since it was found: nothing to join
  if not seen[key] and not is_withdrawn(key, ARGV[i + 2]) then
    seen[key] = true
    keys[#keys + 1], members[#members + 1] = key, ARGV[i + 3]
    -- a member has the number with which it first came
    numbers[#numbers + 1] = call('HGET', P .. 'a:' .. key, 'n') or ARGV[i + 1]
  end
end

local cluster, merged, joined = false, {}, {}
local own_cluster = find(ARGV[2])
if #keys > 1 or own_cluster or ARGV[7] == '1' then
  -- the oldest of the clusters met keeps its id; without one, the member with the lowest number gives it
  local met, order, lowest = {}, {}, 1
  for i = 1, #keys do
    local c = find(keys[i])
    if c and not met[c] then
      met[c] = true
      order[#order + 1] = {tonumber(call('HGET', P .. 'c:' .. c, 'min')), c}
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
    cluster = sub(redis.sha1hex('cluster' .. keys[lowest]), 1, 32)
    -- taken by an older cluster that its name giver has left
    while call('EXISTS', P .. 'c:' .. cluster) == 1 do
      cluster = sub(redis.sha1hex(cluster .. numbers[lowest]), 1, 32)
    end
  end
  for i = 2, #order do
    local from = order[i][2]
    merged[#merged + 1] = from
    local all = call('HGETALL', P .. 'c:' .. from)
    for j = 1, #all, 2 do
      if sub(all[j], 1, 1) == 'm' and all[j] ~= 'min' then
        local key = sub(all[j], 2)
        local n, member = string.match(all[j + 1], '^(.-)\t(.*)$')
        put(cluster, key, n, member)
        consider(cluster, key)
      elseif sub(all[j], 1, 1) == 'k' then
        call('HSET', P .. 'c:' .. cluster, all[j], '')
      end
    end
    call('DEL', P .. 'c:' .. from)
    call('HSET', P .. 'c:' .. from, 'to', cluster)
    call('EXPIRE', P .. 'c:' .. from, TTL)
  end
  for i = #keys, 1, -1 do
    local is_member = call('HEXISTS', P .. 'c:' .. cluster, 'm' .. keys[i]) == 1
    -- a match keeps what its own arrival said of it; the arriving article brings its newest version
    if i == 1 or not is_member then
      put(cluster, keys[i], numbers[i], members[i])
      consider(cluster, keys[i])
      local _, _, _, _, sighting, ref = split(members[i])
      joined[#joined + 1] = (is_member and 'u' or '') .. sighting .. '\t' .. ref
    end
  end
  call('EXPIRE', P .. 'c:' .. cluster, TTL)
end

local same, previous_alert = '0', call('HGET', article, 'p') or ''
if ARGV[6] ~= '' then
  local had = call('HGET', article, 's')
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
  local outlet, _, _, _, sighting = split(ARGV[11])
  local untold = not cluster
  if cluster then
    for token in string.gmatch(ARGV[6], '[^\n]+') do
      local other = string.match(token, '^(.*)|')
      local pair = 'k' .. (outlet < other and (outlet .. '|' .. other) or (other .. '|' .. outlet))
      if call('HSETNX', P .. 'c:' .. cluster, pair, '') == 1 then untold = true end
    end
  end
  if had and not new then
    same = '1'
  elseif sighting == '1' and not untold then
    same = '1'
    call('HSET', article, 's', all)
  else
    call('HSET', article, 's', all, 'p', ARGV[5])
  end
end

local parts = {ARGV[4], same, previous_alert}
if cluster then
  local c = P .. 'c:' .. cluster
  local e = call('HGET', c, 'e')
  local _, best = string.match(call('HGET', c, 'm' .. e), '^(.-)\t(.*)$')
  local _, _, _, reason, _, ref = split(best)
  parts[4], parts[5] = cluster, call('HGET', c, 'size')
  parts[6] = call('HGET', c, 'outlets') or '0'
  parts[7], parts[8] = reason, ref
else
  for i = 4, 8 do parts[i] = '' end
end
parts[9] = tostring(#merged)
for i = 1, #merged do parts[#parts + 1] = merged[i] end
for i = 1, #joined do parts[#parts + 1] = joined[i] end
local packed = {}
for i = 1, #parts do packed[i] = write('>I4', #parts[i]) .. parts[i] end
stored = table.concat(packed)
call('HSET', article, rfield, stored)
call('EXPIRE', article, TTL)
return {'result', stored}
