package gormcache

import (
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"unsafe"

	"gorm.io/gorm"

	"github.com/cacheops/cacheops/sqlcache"
)

// ErrBypass says that an operation was about to run on a pool that is not under
// the cache, and was not run: its writes would leave stale entries. It comes from
// sessions that were made before db.Use, and from pools that a program or a plugin
// has put into a statement.
var ErrBypass = errors.New("gormcache: the statement's pool is not under the cache")

// takeOver puts the cache over the db's pool.
func (p *Plugin) takeOver(db *gorm.DB) error {
	bare, prepared, err := bareOf(db.ConnPool)
	if err != nil {
		return err
	}
	taken := &pool{}
	taken.db, taken.reader = sqlcache.Over(p.cache, bare, p.cfg.Options)
	p.pools.Store(taken.db, taken)
	p.main.CompareAndSwap(nil, taken)
	forgetPrepared(db)
	if prepared != nil {
		prepared.Close() // statements of the bare pool's
		prepared.ConnPool = taken.db
		return nil
	}
	db.ConnPool = taken.db
	db.Statement.ConnPool = taken.db
	return nil
}

// bareOf returns the *sql.DB of a pool, and what prepares statements on it.
func bareOf(cp gorm.ConnPool) (bare *sql.DB, prepared *gorm.PreparedStmtDB, err error) {
	if p, ok := cp.(*gorm.PreparedStmtDB); ok {
		prepared, cp = p, p.ConnPool
	}
	bare, ok := cp.(*sql.DB)
	if !ok {
		return nil, nil, fmt.Errorf("gormcache: cannot take over a pool of type %T: it must be a *sql.DB", cp)
	}
	return bare, prepared, nil
}

// forgetPrepared closes statements that sessions with PrepareStmt have prepared on
// the bare pool before: later sessions would use them.
func forgetPrepared(db *gorm.DB) {
	f := reflect.ValueOf(db.Config).Elem().FieldByName("cacheStore")
	if !f.IsValid() || f.Type() != reflect.TypeFor[*sync.Map]() {
		return
	}
	store := *(**sync.Map)(unsafe.Pointer(f.UnsafeAddr()))
	if v, ok := store.Load("preparedStmt"); ok {
		if prepared, ok := v.(*gorm.PreparedStmtDB); ok {
			prepared.Close()
		}
	}
}

// pool returns the cached pool that a statement runs on without a transaction or a
// connection of its own, nil if there is none.
func (p *Plugin) pool(cp gorm.ConnPool) *pool {
	if prepared, ok := cp.(*gorm.PreparedStmtDB); ok {
		cp = prepared.ConnPool
		if again, ok := cp.(*gorm.PreparedStmtDB); ok {
			cp = again.ConnPool
		}
	}
	db, ok := cp.(*sql.DB)
	if !ok {
		return nil
	}
	return p.poolOf(db)
}

func (p *Plugin) poolOf(db *sql.DB) *pool {
	if main := p.main.Load(); main != nil && main.db == db {
		return main
	}
	if v, ok := p.pools.Load(db); ok {
		return v.(*pool)
	}
	return nil
}

// guard refuses a statement that would slip past the cache, and hands the
// statement's settings on to its context.
func (p *Plugin) guard(db *gorm.DB) {
	p.admits(db)
	heed(db.Statement)
}

func (p *Plugin) admits(db *gorm.DB) bool {
	if db.Error != nil || db.DryRun || p.pool(db.Statement.ConnPool) != nil {
		return db.Error == nil
	}
	under, err := underlying(db.Statement.ConnPool)
	if err == nil && p.poolOf(under) != nil {
		return true
	}
	_ = db.AddError(fmt.Errorf("%w (%T)", ErrBypass, db.Statement.ConnPool))
	return false
}

// underlying returns the *sql.DB that a connection or a transaction is of.
func underlying(cp gorm.ConnPool) (*sql.DB, error) {
	switch c := cp.(type) {
	case *gorm.PreparedStmtTX:
		return underlying(c.Tx)
	case *gorm.PreparedStmtDB:
		return underlying(c.ConnPool)
	case *sql.Tx, *sql.Conn:
		return parent(c)
	}
	if c, ok := cp.(gorm.GetDBConnector); ok {
		return c.GetDBConn()
	}
	return nil, ErrBypass
}

// parent reads which pool a *sql.Tx or a *sql.Conn is of, as GORM does itself:
// database/sql does not tell.
func parent(of any) (*sql.DB, error) {
	f := reflect.ValueOf(of).Elem().FieldByName("db")
	if !f.IsValid() || f.Type() != reflect.TypeFor[*sql.DB]() {
		return nil, ErrBypass
	}
	return (*sql.DB)(f.UnsafePointer()), nil
}
