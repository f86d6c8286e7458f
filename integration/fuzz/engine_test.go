package fuzz

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/sqlcache"
)

// cached is the engine under test: everything is cached, for longer than any
// run. bend changes the store.
func cached(bend func(cacheops.Store) cacheops.Store) Engine {
	return func(c driver.Connector) (*sql.DB, func() error, error) {
		var store cacheops.Store = memstore.New(64 << 20)
		if bend != nil {
			store = bend(store)
		}
		cache, err := cacheops.New(store, &cacheops.Config{
			Rules: []cacheops.Rule{{Tables: "*", Ops: cacheops.All, TTL: time.Hour}},
		})
		if err != nil {
			return nil, nil, err
		}
		db := sqlcache.OpenDB(cache, c, &sqlcache.Options{})
		return db, func() error { return cache.Close() }, nil
	}
}

// forgetful is a store that now and then forgets to drop a tag.
type forgetful struct {
	cacheops.Store
	every int64
	n     atomic.Int64
}

func (f *forgetful) Begin(ctx context.Context, w cacheops.Writer, writes []cacheops.TableWrite) ([]cacheops.Registry, error) {
	writes = slices.Clone(writes)
	for i := range writes {
		writes[i].Tags = slices.DeleteFunc(slices.Clone(writes[i].Tags), func(cacheops.Tag) bool {
			return f.n.Add(1)%f.every == 0
		})
	}
	return f.Store.Begin(ctx, w, writes)
}
