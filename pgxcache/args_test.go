package pgxcache_test

import (
	"context"
	"fmt"
	"math/big"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A caller that has given up its read may use its arguments again, while the read goes
// on for others. A hook writes to them as such a caller would: after the key was made,
// and before anything is sent.
func TestArgumentsAreOwn(t *testing.T) {
	var between atomic.Pointer[func()]
	w := newWorld(t, func(c *pgxpool.Config) {
		c.MaxConns = 1
		c.AfterConnect = func(context.Context, *pgx.Conn) error {
			if f := between.Swap(nil); f != nil {
				(*f)()
			}
			return nil
		}
	}, nil)
	w.exec(w.bare, "CREATE TABLE sum (amount numeric PRIMARY KEY, bits bit(8), data bytea, name text)")
	w.exec(w.bare, "INSERT INTO sum VALUES (5, B'00000101', '\\x05', 'five'), (6, B'00000110', '\\x06', 'six')")
	w.values(w.pool, "SELECT count(*) FROM sum") // what a new connection is asked for besides
	number, bits, data := big.NewInt(5), []byte{5}, []byte{5}
	for query, arg := range map[string]any{
		"SELECT name FROM sum WHERE amount = $1": pgtype.Numeric{Int: number, Valid: true},
		"SELECT name FROM sum WHERE bits = $1":   pgtype.Bits{Bytes: bits, Len: 8, Valid: true},
		"SELECT name FROM sum WHERE data = $1":   data,
	} {
		change := func() {
			number.SetInt64(6)
			bits[0], data[0] = 6, 6
		}
		between.Store(&change)
		w.inner.Reset()
		rows, hit := w.values(w.pool, query, arg)
		if hit || between.Load() != nil {
			t.Fatalf("%s: it took no new connection", query)
		}
		if fmt.Sprint(rows) != "[[five]]" {
			t.Errorf("%s: read %v", query, rows)
		}
		number.SetInt64(5)
		bits[0], data[0] = 5, 5
	}
}
