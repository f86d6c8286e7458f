package pgxcache_test

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// lower is a string that is sent in lower case.
type lower string

func (l lower) Value() (driver.Value, error) { return strings.ToLower(string(l)), nil }

// A program's own type may be sent as another value than it looks.
func TestArgumentsThatAreSentOtherwise(t *testing.T) {
	w := itemWorld(t, nil, nil)
	const byName = "SELECT id FROM item WHERE name = $1"
	for range 3 {
		w.same(byName, lower("ONE"))
	}
	w.exec(w.pool, "UPDATE item SET name = 'x' WHERE id = 1")
	w.same(byName, lower("ONE"))
	w.exec(w.pool, "UPDATE item SET name = $1 WHERE id = 2", lower("ONE"))
	w.same(byName, lower("ONE"))
	for range 3 {
		w.same(byName, "one")
	}
	w.exec(w.pool, "INSERT INTO item VALUES (5, $1)", lower("ONE"))
	w.same(byName, "one")
}

type feeling string

func TestDefaultTypes(t *testing.T) {
	w := newWorld(t, nil, nil)
	w.exec(w.bare, manyTypes)
	hook := func(c *pgxpool.Config) {
		c.AfterConnect = func(_ context.Context, conn *pgx.Conn) error {
			conn.TypeMap().RegisterDefaultPgType(feeling(""), "int4")
			return nil
		}
	}
	pool, bare := w.over(w.open(hook), nil), w.open(hook)
	for range 3 {
		var got, want feeling
		gotErr := pool.QueryRow(t.Context(), "SELECT m FROM t WHERE id = 1").Scan(&got)
		wantErr := bare.QueryRow(t.Context(), "SELECT m FROM t WHERE id = 1").Scan(&want)
		if fmt.Sprint(got, gotErr) != fmt.Sprint(want, wantErr) {
			t.Errorf("%v %v, want %v %v", got, gotErr, want, wantErr)
		}
	}
}

// reversing sends text from its end.
type reversing struct{ pgtype.TextCodec }

func (reversing) PlanEncode(_ *pgtype.Map, _ uint32, _ int16, v any) pgtype.EncodePlan {
	if _, ok := v.(string); ok {
		return reversingPlan{}
	}
	return nil
}

type reversingPlan struct{}

func (reversingPlan) Encode(v any, buf []byte) ([]byte, error) {
	s := v.(string)
	for i := len(s) - 1; i >= 0; i-- {
		buf = append(buf, s[i])
	}
	return buf, nil
}

// ownNumbers is a codec of a program's own.
type ownNumbers struct{ pgtype.NumericCodec }

func registeringOne(typ *pgtype.Type) func(*pgxpool.Config) {
	return func(c *pgxpool.Config) {
		c.AfterConnect = func(_ context.Context, conn *pgx.Conn) error {
			conn.TypeMap().RegisterType(typ)
			return nil
		}
	}
}

// A codec may send an argument as another value: what it stands for is known to the
// database alone.
func TestCodecsThatSendOtherwise(t *testing.T) {
	const byName = "SELECT id FROM item WHERE name = $1"
	w := itemWorld(t, registeringOne(&pgtype.Type{Name: "text", OID: pgtype.TextOID, Codec: reversing{}}), nil)
	const fresh, name = "SELECT id FROM item WHERE name = 'new'", "wen"
	w.warm(w.pool, fresh)
	w.exec(w.pool, "UPDATE item SET name = $1 WHERE id = $2", name, 1)
	if w.same(fresh) {
		t.Error("a hit after a write")
	}
	for range 3 {
		rows, hit := w.values(w.pool, byName, name)
		if hit || fmt.Sprint(rows) != "[[1]]" {
			t.Errorf("read %v (hit %v)", rows, hit)
		}
	}
	tx := begin(t, w)
	w.exec(tx, "UPDATE item SET name = 'x' WHERE name = $1", name)
	must(t, tx.Commit(t.Context()))
	w.same(fresh)
	w = itemWorld(t, registeringOne(&pgtype.Type{Name: "numeric", OID: pgtype.NumericOID, Codec: ownNumbers{}}), nil)
	w.warm(w.pool, byName, "one")
}
