package sqlcache

import (
	"database/sql"
	"database/sql/driver"
	"reflect"
	"unsafe"

	"github.com/cacheops/cacheops"
)

// Over takes a pool over from the program that opened it: as [Wrap], but closing
// the returned *sql.DB closes db as well, and where Options.Session is empty it is
// derived from the connector that db was opened with, so that processes that open
// it alike share entries. The [Reader] answers what the *sql.DB would.
func Over(cache *cacheops.Cache, db *sql.DB, opts *Options) (*sql.DB, *Reader) {
	e := newEngine(cache, db, opts.withDefaults())
	e.foreign = true
	if e.opts.Session == "" {
		e.opts.Session = uniqueName("pool")
		if c := connectorIn(db); c != nil {
			e.opts.Session = sessionOf(c)
		}
	}
	return outer(&connector{engine: e, driver: db.Driver(), owned: true}), newReader(e)
}

// connectorIn returns the connector of a pool, nil if this version of
// database/sql keeps it elsewhere.
func connectorIn(db *sql.DB) driver.Connector {
	f := reflect.ValueOf(db).Elem().FieldByName("connector")
	if !f.IsValid() || f.Type() != reflect.TypeFor[driver.Connector]() {
		return nil
	}
	return *(*driver.Connector)(unsafe.Pointer(f.UnsafeAddr()))
}
