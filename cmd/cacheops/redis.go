package main

import (
	"time"

	"github.com/cacheops/cacheops/redisstore"
)

// redisFlags say where programs that share a cache keep it.
type redisFlags struct {
	Redis  string `required:"" env:"CACHEOPS_REDIS" placeholder:"URL" help:"Where the program's redisstore is: redis://host:port/1, also a Cluster's or Sentinels' address."`
	Prefix string `placeholder:"PREFIX" help:"The store's prefix, where the program gives it one (redisstore.Options.Prefix)."`
}

// redisTimeout is longer than a program's: nobody waits behind a command.
const redisTimeout = 5 * time.Second

func (f *redisFlags) store() (*redisstore.Store, error) {
	return redisstore.New(f.Redis, &redisstore.Options{
		Prefix: f.Prefix, LocalBytes: -1, Timeout: redisTimeout, WriteTimeout: redisTimeout,
	})
}
