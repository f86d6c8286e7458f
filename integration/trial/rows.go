package trial

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"testing"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/integration/lite"
)

// Querier is a *sql.DB, *sql.Conn or *sql.Tx.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Exec executes a statement, which must not fail.
func Exec(t testing.TB, on Querier, q string, args ...any) sql.Result {
	t.Helper()
	res, err := on.ExecContext(context.Background(), q, args...)
	if err != nil {
		t.Fatalf("%s: %v", q, err)
	}
	return res
}

// Script executes statements without arguments, one after the other.
func Script(t testing.TB, on Querier, statements ...string) {
	t.Helper()
	for _, q := range statements {
		Exec(t, on, q)
	}
}

// Rows returns a query's rows as text: [1 one][2 two].
func Rows(ctx context.Context, on Querier, q string, args ...any) (string, error) {
	return rows(ctx, on, func(row []driver.Value) string {
		for i, v := range row {
			if b, ok := v.([]byte); ok { // drivers disagree on what text is
				row[i] = string(b)
			}
		}
		return fmt.Sprint(row)
	}, q, args...)
}

// exactly tells values of different types apart.
func exactly(row []driver.Value) string { return fmt.Sprintf("%#v", row) }

func rows(ctx context.Context, on Querier, show func(row []driver.Value) string, q string, args ...any) (string, error) {
	rows, err := lite.Drain(on.QueryContext(ctx, q, args...)) //nolint:rowserrcheck // Drain checks and closes them
	var out strings.Builder
	for _, row := range rows {
		out.WriteString(show(row))
	}
	return out.String(), err
}

// Read returns a query's rows as text, and what became of the read.
func Read(t testing.TB, on Querier, q string, args ...any) (string, cacheops.Report) {
	t.Helper()
	return ReadIn(context.Background(), t, on, q, args...)
}

// ReadIn is Read in a context.
func ReadIn(ctx context.Context, t testing.TB, on Querier, q string, args ...any) (string, cacheops.Report) {
	t.Helper()
	var r cacheops.Report
	rows, err := Rows(cacheops.With(ctx, cacheops.Call{Report: &r}), on, q, args...)
	if err != nil {
		t.Fatalf("%s: %v", q, err)
	}
	return rows, r
}
