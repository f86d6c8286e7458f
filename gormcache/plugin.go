package gormcache

import (
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/schema"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/sqlcache"
)

// Plugin puts a cache under a *gorm.DB. It is a gorm.Plugin.
type Plugin struct {
	cache   *cacheops.Cache
	cfg     Config
	objects *objects

	// main is the pool of the db that the plugin was used on; pools are all.
	main  atomic.Pointer[pool]
	mu    sync.Mutex
	pools sync.Map // of *sql.DB to *pool

	naming               schema.Namer // which fields columns go to: objects are made by one
	plains, plainRelated sync.Map     // see plain
	schemas              sync.Map     // for plain
	keys                 sync.Map     // see keysOf
	heads                heads
}

var _ gorm.Plugin = (*Plugin)(nil)

// pool is a pool through the cache.
type pool struct {
	db     *sql.DB
	reader *sqlcache.Reader
}

// New returns a plugin for db.Use. One plugin serves one *gorm.DB, and what
// DBResolver opens for that.
func New(cache *cacheops.Cache, cfg *Config) *Plugin {
	p := &Plugin{cache: cache, cfg: cfg.withDefaults()}
	p.objects = newObjects(p.cfg.ObjectBytes)
	return p
}

// pluginName is how db.Plugins knows the plugin.
const pluginName = "cacheops"

// Name returns "cacheops".
func (*Plugin) Name() string { return pluginName }

// Initialize is called by db.Use. It fails if the db's pool is none that can be
// taken over, and after DBResolver. The pool belongs to the cache from then on.
func (p *Plugin) Initialize(db *gorm.DB) error {
	if _, ok := db.Plugins["gorm:db_resolver"]; ok && p.main.Load() == nil {
		return errors.New("gormcache: use this plugin before DBResolver")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.naming == nil {
		p.naming = db.NamingStrategy
	}
	if !reflect.DeepEqual(p.naming, db.NamingStrategy) {
		return errors.New("gormcache: a db with another NamingStrategy needs a plugin of its own")
	}
	if err := p.takeOver(db); err != nil {
		return err
	}
	return p.register(db)
}

// register puts our steps among GORM's. Its own query is replaced; one that
// another plugin has put in its place is not, and is answered row by row.
func (p *Plugin) register(db *gorm.DB) error {
	cb := db.Callback()
	for _, err := range []error{
		cb.Create().Before("gorm:before_create").Register("cacheops:guard", p.guard),
		cb.Update().Before("gorm:before_update").Register("cacheops:guard", p.guard),
		cb.Delete().Before("gorm:before_delete").Register("cacheops:guard", p.guard),
		cb.Raw().Before("gorm:raw").Register("cacheops:guard", p.guard),
		cb.Row().Before("gorm:row").Register("cacheops:guard", p.guard),
		cb.Create().Before("gorm:before_create").Register("cacheops:saves", p.saves),
		cb.Update().Before("gorm:before_update").Register("cacheops:saves", p.saves),
		cb.Create().After("gorm:after_create").Before("gorm:commit_or_rollback_transaction").Register("cacheops:save", p.saved),
		cb.Update().After("gorm:after_update").Before("gorm:commit_or_rollback_transaction").Register("cacheops:save", p.saved),
	} {
		if err != nil {
			return fmt.Errorf("gormcache: register a callback: %w", err)
		}
	}
	if q := cb.Query().Get("gorm:query"); q != nil && reflect.ValueOf(q).Pointer() == reflect.ValueOf(callbacks.Query).Pointer() {
		return cb.Query().Replace("gorm:query", p.query)
	}
	return cb.Query().Before("gorm:query").Register("cacheops:guard", p.guard)
}
