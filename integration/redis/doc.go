// Package redis holds tests of the Redis store with the rest of the cache around
// it, on real servers that are bent between any two steps of the protocol.
package redis
