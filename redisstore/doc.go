// Package redisstore keeps a cache in Redis or Valkey, shared by all processes
// that use the same server and prefix.
//
//	store, err := redisstore.New("redis://localhost:6379/1", nil)
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	cache, err := cacheops.New(store, nil)
//
// Use it for programs of several processes; a program that is one process gets
// the same from package memstore without a round trip. It needs Redis 6.2 or
// Valkey, one server, Sentinels or a Cluster; see [New] for the addresses.
//
// # What a hit promises
//
// [Validated], the default: when a hit is served, its value is what the database
// would return. The value itself is kept in the process; one round trip asks
// whether its stamps still stand. A value that the process does not hold comes
// with the same trip (on a Cluster with a second one).
//
// [Tracked]: a hit asks nobody. The server pushes what is dropped (client-side
// caching of RESP3). A process always sees its own writes; others' when the push
// arrives. A connection that ends empties the local tier at once, a server that
// is silent stops it within [Options].Heartbeat. A call or a rule that says Fresh
// is validated.
//
// # When the server is not as it was
//
// Nothing that a server has lost, or that has come back from a dump or a lagging
// replica, is ever taken for the present: a restart, a promotion, a flush or the
// eviction of any key costs entries, and never a stale answer. Afterwards fills
// are refused until the database has proved that whoever was writing is over.
// So any maxmemory-policy is safe. On a full server under noeviction reads do
// without the cache, and writes go on dropping.
//
// A server that cannot be reached costs a read [Options].Timeout, and after a few
// of these nothing: the cache stops asking for a while. A commit fails then, unless
// the cache is told to degrade.
//
// # What it does not cover
//
// A split brain in which an old primary, cut off from its Sentinels, goes on
// answering some processes. Set min-replicas-to-write to bound it. A primary that
// is demoted and promoted again within Options.Heartbeat, while no connection to it
// ends and old state comes back: a connection is asked who its server is that often.
//
// How it works is in docs/redis.md.
package redisstore
