-- The text of an article's latest version, or nil. KEYS[1] prefix of the shard; ARGV: 1 article key (16 bytes)
local number = latest_of(versions_of(ARGV[1], bucket_of(ARGV[1])))
if number == NONE then return false end
number = read('>I4', number)
return call('HGET', P .. 't:' .. floor(number / CHUNK), number)
