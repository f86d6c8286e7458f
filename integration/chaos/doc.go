// Package chaos judges the Redis store with several processes: they share one
// Redis and one SQLite file, while the Redis is killed, brought back empty or
// old, frozen, filled and cut off, and while writers die or freeze between any
// two steps of their commit.
//
// The test process is the coordinator. It knows the order of all that happens,
// tells the workers (the test binary again, as other processes) what to read and
// write, and has the judge of package fuzz compare every answer with the bare
// database.
package chaos
