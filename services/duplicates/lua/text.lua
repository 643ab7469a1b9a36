-- The text of an article's latest version, or nil. KEYS[1] prefix of the shard; ARGV: 1 article key (16 bytes)
local number = latest_of(versions_of(ARGV[1], bucket_of(ARGV[1])))
if number == NONE then return false end
local kept = kept_of(number, true)
return kept and sub(kept, read('>I2', kept) + 3)
