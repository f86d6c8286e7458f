// Package cacheops caches a program's database reads and drops each cached
// result, at the moment of commit, when a write could have changed it.
//
// Most programs need a store, a few rules and one wrapper:
//
//	store := memstore.New(64 << 20)
//	cache, err := cacheops.New(store, &cacheops.Config{Rules: []cacheops.Rule{
//		{Tables: "users", Ops: cacheops.Get, TTL: 15 * time.Minute},
//		{Tables: "*", Ops: cacheops.All, TTL: time.Hour},
//	}})
//	db := sqlcache.OpenDB(cache, connector, nil) // an ordinary *sql.DB
//
// From then on db answers from the cache what the rules say it may, and nothing
// else in the program changes. A single call is steered through its context:
// [With] caches what no rule names, [NoCache] reads from the database,
// [WithoutInvalidation] lets a bulk load write without dropping anything.
//
// # The guarantee
//
// A cached read never returns what the database would no longer return: when a
// hit is served, its value equals what the same query, run at some moment
// between the call and its return, would have given. It holds under concurrent
// writers, after rollbacks, and when a writer dies at any point, as long as
// every write passes through cacheops (or is made known with
// [Cache.Invalidate]). It needs neither clocks nor delays. What cannot be
// understood widens what a write drops, or is not cached; there is no step
// "no dependency".
//
// # Limits
//
// Writers that bypass the cache are not seen. Reads inside a transaction go to
// the database. Replicas, and functions of the time or the session, are not
// cached.
package cacheops
