// Package redisstore keeps a cache in Redis or Valkey, shared by all processes
// that use the same server and prefix.
package redisstore
