package adaptertest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
)

// Harness is an adapter at work on an empty database of the test's own.
type Harness struct {
	// Cached is the database through the cache, whose rules cache every read of
	// every table. Results beyond MaxEntry bytes are not kept.
	Cached DB
	// Bare is the same database without the cache.
	Bare DB
	// MaxEntry is the limit on entries, in bytes; well below 1 MB, please.
	MaxEntry int
	// Dollar says that the n-th parameter is written $n instead of ?.
	Dollar bool
}

// Querier runs statements.
type Querier interface {
	// Query returns all rows, the values as the driver gives them.
	Query(ctx context.Context, text string, args ...any) ([][]any, error)
	// Exec returns the number of rows affected.
	Exec(ctx context.Context, text string, args ...any) (int64, error)
}

// DB is a database, cached or bare, as the suite uses it.
type DB interface {
	Querier
	// Prepare returns a function that runs the prepared statement, and one that
	// closes it.
	Prepare(ctx context.Context, text string) (query func(args ...any) ([][]any, error), done func() error, err error)
	Begin(ctx context.Context) (Tx, error)
}

// Tx is a transaction.
type Tx interface {
	Querier
	Commit() error
	Rollback() error
}

// SQL is a DB over database/sql.
func SQL(db *sql.DB) DB { return sqlDB{querier{db}, db} }

type sqlDB struct {
	querier
	db *sql.DB
}

type sqlTx struct {
	querier
	tx *sql.Tx
}

func (t sqlTx) Commit() error   { return t.tx.Commit() }
func (t sqlTx) Rollback() error { return t.tx.Rollback() }

// querier is what *sql.DB and *sql.Tx have in common.
type querier struct {
	on interface {
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	}
}

func (q querier) Query(ctx context.Context, text string, args ...any) ([][]any, error) {
	rows, err := q.on.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	return all(rows)
}

func (q querier) Exec(ctx context.Context, text string, args ...any) (int64, error) {
	res, err := q.on.ExecContext(ctx, text, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (d sqlDB) Begin(ctx context.Context) (Tx, error) {
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	return sqlTx{querier{tx}, tx}, nil
}

func (d sqlDB) Prepare(ctx context.Context, text string) (func(...any) ([][]any, error), func() error, error) {
	s, err := d.db.PrepareContext(ctx, text)
	if err != nil {
		return nil, nil, err
	}
	query := func(args ...any) ([][]any, error) {
		rows, err := s.QueryContext(ctx, args...)
		if err != nil {
			return nil, err
		}
		return all(rows)
	}
	return query, s.Close, nil
}

func all(rows *sql.Rows) (out [][]any, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	cols, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		row, dest := make([]any, len(cols)), make([]any, len(cols))
		for i := range row {
			dest[i] = &row[i]
		}
		if err := rows.Scan(dest...); err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

// suite is one test of the suite at work.
type suite struct {
	*testing.T
	Harness
	ctx context.Context
	// missed says why the latest read that was no hit was none.
	missed string
}

// text rewrites the parameters for the dialect. The suite's SQL has no question
// mark elsewhere.
func (s *suite) text(q string) string {
	if !s.Dollar {
		return q
	}
	var b strings.Builder
	n := 0
	for _, r := range q {
		if r == '?' {
			n++
			b.WriteString("$" + strconv.Itoa(n))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// exec runs a statement that must succeed.
func (s *suite) exec(on Querier, q string, args ...any) int64 {
	s.Helper()
	n, err := on.Exec(s.ctx, s.text(q), args...)
	if err != nil {
		s.Fatalf("%s: %v", q, err)
	}
	return n
}

// query runs a read that must succeed, and says whether it was a hit.
func (s *suite) query(on Querier, q string, args ...any) (rows string, hit bool) {
	s.Helper()
	var r cacheops.Report
	ctx := cacheops.With(s.ctx, cacheops.Call{Report: &r})
	got, err := on.Query(ctx, s.text(q), args...)
	if err != nil {
		s.Fatalf("%s: %v", q, err)
	}
	if r.Why != "" { // nothing is reported of bare reads
		s.missed = r.Why
	}
	return show(got), r.Hit
}

// check compares a cached read with the bare one.
func (s *suite) check(q string, args ...any) (rows string, hit bool) {
	s.Helper()
	rows, hit = s.query(s.Cached, q, args...)
	if bare, _ := s.query(s.Bare, q, args...); rows != bare {
		s.Fatalf("%s: the cache says %s, the database %s", q, rows, bare)
	}
	return rows, hit
}

// warm reads until it is a hit.
func (s *suite) warm(q string, args ...any) (rows string) {
	s.Helper()
	for range 4 {
		var hit bool
		if rows, hit = s.check(q, args...); hit {
			return rows
		}
	}
	s.Fatalf("%s: never a hit: %s", q, s.missed)
	return ""
}

// show prints rows with the types of their values.
func show(rows [][]any) string {
	var b strings.Builder
	for _, row := range rows {
		b.WriteByte('(')
		for i, v := range row {
			if i > 0 {
				b.WriteByte(' ')
			}
			switch v := v.(type) {
			case []byte:
				fmt.Fprintf(&b, "bytes %q", v)
			case time.Time:
				b.WriteString(v.String())
			default:
				fmt.Fprintf(&b, "%T %#v", v, v)
			}
		}
		b.WriteString(") ")
	}
	return b.String()
}
