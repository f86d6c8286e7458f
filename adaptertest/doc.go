// Package adaptertest holds the suite that every adapter passes: the same
// program through the cache and on the bare database gives the same answers,
// and what should be a hit is one.
//
// An adapter's test is a constructor and one call:
//
//	adaptertest.Run(t, func(t *testing.T) adaptertest.Harness { … })
//
// The suite's SQL is what SQLite, PostgreSQL and MySQL have in common.
package adaptertest
