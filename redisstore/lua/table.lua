-- The state of a table is one hash, KEYS[1]. Losing it loses all of it.
--
--   i          the incarnation of the server that made it
--   e          the epoch, 8 random bytes
--   E<i>       the epoch once more, under the incarnation's name; see valid.go
--   v          the registry's version, a number
--   c          the catalog version, 8 random bytes
--   u          present while nobody knows who may be writing
--   s<shape>   a registered shape: the version it came in with, and when it may
--              leave (milliseconds)
--   W          the writers in flight, a record of 41 bytes each:
--              id 8, registry version 8, catalog planned with 8, catalog made 8,
--              end of the lease 8, doubtful 1
--   w<id>      a writer: length of the proof 2, proof, then the tags it holds an
--              intent on, 8 bytes each
--
-- Intents lie with their writers and not by tag: a writer's begin and end then
-- cost the same whatever number of tags it names, but for their deletion, and an
-- acquire, which looks for its tags in the few writers in flight, does so by
-- string.find.
--
-- ARGV[1] is the server's incarnation, ARGV[2] 16 random bytes for an epoch and a
-- catalog version, ARGV[3] how long the state is kept unused, ARGV[4] the name of
-- the stamp of the table's own tag. A stamp is 16 bytes: the epoch it was made in,
-- and itself. One of another epoch is none. After the table's own comes the
-- incarnation it was made under.
--
-- While a slot of a Cluster moves, what a script does not find may stand on the
-- other node. Stamps that it reads or deletes are therefore among its KEYS, so
-- that the server refuses it unless all are here. The table's own is not: on a
-- Cluster its name differs from node to node, so that nobody finds it on the other.
--
-- A script deletes before it sets, if only what is not there: Redis whose memory
-- is full refuses a script's sets unless it has deleted first, and what it would
-- refuse here are a writer's intents.
local T, own, inc = KEYS[1], ARGV[4], ARGV[1]
local none, record = string.rep('\0', 8), 41

-- aligned returns where a piece begins that is a whole number of sizes after from.
local function aligned(text, piece, from, size)
  local at = string.find(text, piece, from, true)
  while at and (at - from) % size ~= 0 do
    at = string.find(text, piece, at + 1, true)
  end
  return at
end

-- find returns where a writer's record begins.
local function find(W, id) return aligned(W, id, 1, record) end
