package postgres

import (
	"context"
	"database/sql/driver"
	"reflect"
	"testing"

	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/sqlcache"
)

// optional lists the optional interfaces of database/sql/driver.
var optional = []reflect.Type{
	reflect.TypeFor[driver.ConnPrepareContext](), reflect.TypeFor[driver.ConnBeginTx](), reflect.TypeFor[driver.ExecerContext](),
	reflect.TypeFor[driver.QueryerContext](), reflect.TypeFor[driver.Pinger](), reflect.TypeFor[driver.SessionResetter](),
	reflect.TypeFor[driver.Validator](), reflect.TypeFor[driver.NamedValueChecker](),
	reflect.TypeFor[driver.StmtExecContext](), reflect.TypeFor[driver.StmtQueryContext](),
	reflect.TypeFor[driver.RowsNextResultSet](), reflect.TypeFor[driver.RowsColumnTypeScanType](),
	reflect.TypeFor[driver.RowsColumnTypeDatabaseTypeName](), reflect.TypeFor[driver.RowsColumnTypeLength](),
	reflect.TypeFor[driver.RowsColumnTypeNullable](), reflect.TypeFor[driver.RowsColumnTypePrecisionScale](),
}

func TestOptionalInterfacesAreThoseOfTheBareDriver(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		for _, bareDriver := range []driver.Driver{w.DB.Driver()} {
			bare, cached := connParts(w, bareDriver), connParts(w, sqlcache.Driver(w.Cache, bareDriver, nil))
			for name, b := range bare {
				for _, i := range optional {
					if reflect.TypeOf(b).Implements(i) && !reflect.TypeOf(cached[name]).Implements(i) {
						w.Errorf("the bare %s has %v, ours has not", name, i)
					}
				}
			}
		}
	})
}

func connParts(w *world, d driver.Driver) map[string]any {
	c, err := d.Open(w.dsn)
	if err != nil {
		w.Fatal(err)
	}
	s, err := c.(driver.ConnPrepareContext).PrepareContext(context.Background(), one)
	if err != nil {
		w.Fatal(err)
	}
	rows, err := s.(driver.StmtQueryContext).QueryContext(context.Background(), nil)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		for _, err := range []error{rows.Close(), s.Close(), c.Close()} {
			if err != nil {
				w.Error(err)
			}
		}
	})
	return map[string]any{"conn": c, "stmt": s, "rows": rows}
}

type (
	uuid [16]byte
	mood string
)

// What pgx takes besides the types of database/sql: a program's own, and arrays.
func TestArgumentsOfOtherTypes(t *testing.T) {
	w := onPgx(t, nil)
	trial.Exec(t, w.DB, "CREATE TABLE thing (id UUID PRIMARY KEY, mood TEXT, n INTEGER)")
	a, b := uuid{1}, uuid{2}
	trial.Exec(t, w.DB, "INSERT INTO thing VALUES ($1, $2, 1), ($3, $4, 2)", a, mood("glad"), b, mood("sad"))
	for q, args := range map[string][]any{
		"SELECT n FROM thing WHERE id = $1":                     {a, b},
		"SELECT n FROM thing WHERE mood = $1":                   {mood("glad"), mood("sad"), "glad"},
		"SELECT n FROM thing WHERE n = ANY($1)":                 {[]int64{1}, []int64{2}, []int64{1, 2}, []int64{}, []int64(nil), []int32{1}},
		"SELECT n FROM thing WHERE mood = ANY($1) ORDER BY n":   {[]string{"glad"}, []string{"sad"}, []string{"glad", "sad"}, []mood{"glad"}},
		"SELECT n FROM thing WHERE n = $1 OR n = -1 ORDER BY n": {int8(1), uint16(2), int32(1)},
	} {
		for _, arg := range args {
			if w.Same(q, arg) {
				t.Errorf("%s with %#v is a hit of another's", q, arg)
			}
			w.Warm(q, arg)
		}
	}
	own := []string{"glad"}
	q := "SELECT n, mood FROM thing WHERE mood = ANY($1)"
	w.Warm(q, own)
	own[0] = "sad"
	if w.Same(q, own) {
		t.Error("a slice that was written to is a hit")
	}
	trial.Exec(t, w.DB, "UPDATE thing SET n = 5 WHERE id = $1", a)
	if w.Same("SELECT n FROM thing WHERE id = $1", a) {
		t.Error("a hit after the update")
	}
}
