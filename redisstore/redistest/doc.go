// Package redistest starts real redis-server processes for tests and bends
// them: kills, freezes and restarts them with another state, fills their memory,
// promotes replicas that lag, moves slots of a Cluster, and cuts or delays the
// connections to them.
//
//	srv := redistest.Start(t, nil)
//	old, err := srv.Dump()
//	…
//	err = srv.RestartFrom(old) // kill -9, and back with the old state
//
// Every process lives in a directory of the test's own, listens on a free port
// of 127.0.0.1 and ends with the test, however that ends. Where no server is
// installed the test is skipped, or fails where CI=true.
//
// What bends a server returns an error instead of failing the test, so that
// any goroutine may do it. The methods may be called from many goroutines.
package redistest
