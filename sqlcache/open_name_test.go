package sqlcache

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"testing"
)

// hooked is a driver as some are: what is set in it decides how connections begin.
type hooked struct {
	Hook  func()
	inner map[string]int
}

func (*hooked) Open(string) (driver.Conn, error) { return nil, driver.ErrBadConn }

type pointing struct{ d driver.Driver }

func (e pointing) Connect(context.Context) (driver.Conn, error) { return nil, driver.ErrBadConn }
func (e pointing) Driver() driver.Driver                        { return e.d }

// TestSessionOfADriverWithoutConnectors: pools that are opened alike share entries,
// and no others.
func TestSessionOfADriverWithoutConnectors(t *testing.T) {
	plain, used, set, other := &hooked{}, &hooked{inner: map[string]int{"a": 1}}, &hooked{Hook: func() {}}, &hooked{Hook: func() {}}
	sql.Register("hooked-plain", plain)
	sql.Register("hooked-set", set)
	pool := func(driver, dsn string) string {
		db, err := sql.Open(driver, dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		return sessionOf(connectorIn(db))
	}
	ours := func(d driver.Driver, dsn string) string { return sessionOf(dsnConnector{driver: d, name: dsn}) }
	for _, c := range []struct {
		what string
		a, b string
		same bool
	}{
		{"two pools", pool("hooked-plain", "x"), pool("hooked-plain", "x"), true},
		{"another name", pool("hooked-plain", "x"), pool("hooked-plain", "y"), false},
		{"two pools with a hook", pool("hooked-set", "x"), pool("hooked-set", "x"), true},
		{"with a hook and without", pool("hooked-set", "x"), pool("hooked-plain", "x"), false},
		{"by our connector", ours(plain, "x"), pool("hooked-plain", "x"), true},
		{"a driver that was used", ours(used, "x"), ours(plain, "x"), true},
		{"two hooks", ours(set, "x"), ours(other, "x"), false},
		{"a connector with a pointer", sessionOf(pointing{plain}), sessionOf(pointing{plain}), false},
	} {
		if (c.a == c.b) != c.same {
			t.Errorf("%s: %q and %q, want the same: %v", c.what, c.a, c.b, c.same)
		}
	}
}
