-- What all scripts of the index begin with. TTL and the other names in capitals are put in when a script is loaded: a
-- fifth of the cost of a call was sending and reading them.
local P, call = KEYS[1], redis.call
local sub, byte, char, floor = string.sub, string.byte, string.char, math.floor
local read, write = struct.unpack, struct.pack

-- whether this is the index that the caller knows: by its generation ("g…"), or its rebuilder's token ("r…")
local function is_open(token)
  return call('GET', P .. (byte(token) == 114 and 'rebuilder' or 'generation')) == token
end
