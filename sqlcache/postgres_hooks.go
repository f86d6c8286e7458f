package sqlcache

import (
	"database/sql"
	"database/sql/driver"
	"reflect"
	"runtime"
	"strings"
)

// A pool may prepare a connection each time that somebody takes it, by who that
// is: SET ROLE, a search path. A hit takes none, so a pool that does is not cached
// without Options.Scope.
//
// What a driver does is looked up in its own values by reflection, because this
// module requires none. What cannot be looked up counts as doing something.

// pgxStdlib is what the names of pgx's own functions begin with.
const pgxStdlib = "github.com/jackc/pgx/v5/stdlib."

// hooks says why a use of a connection may begin with something that a hit would
// skip; empty if it certainly does not.
func hooks(real driver.Conn, db *sql.DB) string {
	const hooked = "the pool prepares connections before each use, and Options.Scope does not say for whom"
	if r, ok := real.(RealConn); ok {
		if r.Hooked() {
			return hooked
		}
		return ""
	}
	v := reflect.ValueOf(real)
	if v.Kind() != reflect.Pointer {
		return "the driver's connections are of an unknown type, and Options.Scope is not set"
	}
	switch v.Type().String() {
	case "*pq.conn":
		return ""
	case "*stdlib.Conn":
		if !own(v.Elem().FieldByName("resetSessionFunc"), pgxStdlib) || pooledHooks(v.Elem(), db) {
			return hooked
		}
		return ""
	}
	if _, resets := real.(driver.SessionResetter); !resets {
		return ""
	}
	return hooked
}

// own reports whether a function is one of the package's.
func own(f reflect.Value, pkg string) bool {
	if !f.IsValid() || f.Kind() != reflect.Func || f.IsNil() {
		return false
	}
	fn := runtime.FuncForPC(f.Pointer())
	return fn != nil && strings.HasPrefix(fn.Name(), pkg)
}

// pooledHooks reports whether the connection comes from a pgxpool that has hooks
// of its own, or may have.
func pooledHooks(conn reflect.Value, db *sql.DB) bool {
	if config := conn.FieldByName("connConfig"); config.IsValid() && config.Kind() == reflect.Struct {
		if host := config.FieldByName("Host"); host.IsValid() && host.Kind() == reflect.String && host.Len() > 0 {
			return false // it was opened by itself
		}
	}
	c := reflect.ValueOf(db).Elem().FieldByName("connector")
	for c.IsValid() && c.Kind() == reflect.Interface {
		if c = c.Elem(); c.Kind() == reflect.Struct && c.Type().String() == "sqlcache.keeping" {
			c = c.FieldByName("Connector")
		}
	}
	if !c.IsValid() || c.Kind() != reflect.Struct {
		return true
	}
	pool := c.FieldByName("pool")
	if !pool.IsValid() || pool.Kind() != reflect.Pointer || pool.IsNil() {
		return true
	}
	for _, name := range []string{"prepareConn", "afterRelease"} {
		if f := pool.Elem().FieldByName(name); !f.IsValid() || f.Kind() != reflect.Func || !f.IsNil() {
			return true
		}
	}
	return false
}
