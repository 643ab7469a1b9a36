-- Takes an article's versions out of the index; what is fetched earlier and comes later is not taken in.
--
-- KEYS[1] prefix of the shard
-- ARGV: 1 generation (or the rebuilder's token), 2 article key (16 bytes), 3 owner (8 bytes), 4 withdrawn at (ms, 8 bytes)
-- Returns "lost" | "unknown" (there is none, or one fetched later) | "removed", again so for the same owner
if not is_open(ARGV[1]) then return 'lost' end
begin()
local key, owner, at = ARGV[2], ARGV[3], read('>d', ARGV[4])
local bucket = bucket_of(key)
local versions = versions_of(key, bucket)
local number, latest = latest_of(versions)
if latest > at then return 'unknown' end
local kept, withdrawn = {}, false
for j = 1, #versions, 32 do
  local version = sub(versions, j, j + 31)
  if sub(version, 21, 24) == GONE then
    if sub(version, 9, 16) == owner then return 'removed' end
    if not withdrawn or read('>d', withdrawn, 25) < read('>d', version, 25) then withdrawn = version end
  else
    local chunk = floor(read('>I4', version, 17) / CHUNK)
    call('HDEL', P .. 'r:' .. chunk, sub(version, 17, 20))
    call('HDEL', P .. 't:' .. chunk, sub(version, 17, 20))
    -- the version stays known, and is nobody's version before any more
    kept[#kept + 1] = sub(version, 1, 24) .. write('>d', -1)
  end
end
if not withdrawn or read('>d', withdrawn, 25) < at then
  withdrawn = '\0\0\0\0\0\0\0\0' .. owner .. write('>I4', count) .. GONE .. ARGV[4]
end
kept[#kept + 1] = withdrawn
put_versions(key, bucket, table.concat(kept))
return latest < 0 and 'unknown' or 'removed'
