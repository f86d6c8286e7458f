package gormcache

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"go.uber.org/goleak"
	"gorm.io/gorm"

	"github.com/cacheops/cacheops/adaptertest"
	"github.com/cacheops/cacheops/gormcache"
	"github.com/cacheops/cacheops/sqlcache"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// GORM never ends the sweeper of its prepared statements.
		goleak.IgnoreAnyFunction("gorm.io/gorm/internal/lru.NewLRU[...].func1"))
}

func TestAdapter(t *testing.T) {
	const limit = 64 << 10
	for _, prepared := range []bool{false, true} {
		name := map[bool]string{false: "plain", true: "prepared"}[prepared]
		for engine := range engines {
			t.Run(engine+"/"+name, func(t *testing.T) {
				adaptertest.Run(t, func(t *testing.T) adaptertest.Harness {
					w := newWorld(t, engine, "memory", setup{
						plugin: &gormcache.Config{Options: &sqlcache.Options{MaxEntryBytes: limit}},
						gorm:   gorm.Config{PrepareStmt: prepared},
					})
					return adaptertest.Harness{
						Cached: suiteDB{suiteOn{w.cached}}, Bare: suiteDB{suiteOn{w.bare}}, MaxEntry: limit, Dollar: engine == "postgres",
					}
				})
			})
		}
	}
}

// suiteOn runs the suite's statements through GORM's Raw and Exec.
type suiteOn struct{ db *gorm.DB }

func (o suiteOn) Query(ctx context.Context, text string, args ...any) (out [][]any, err error) {
	rows, err := o.db.WithContext(ctx).Raw(text, args...).Rows()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	return all(rows)
}

func all(rows *sql.Rows) (out [][]any, err error) {
	cols, err := rows.ColumnTypes()
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

func (o suiteOn) Exec(ctx context.Context, text string, args ...any) (int64, error) {
	res := o.db.WithContext(ctx).Exec(text, args...)
	return res.RowsAffected, res.Error
}

type suiteDB struct{ suiteOn }

func (d suiteDB) Begin(ctx context.Context) (adaptertest.Tx, error) {
	tx := d.db.WithContext(ctx).Begin()
	return suiteTx{suiteOn{tx}}, tx.Error
}

// Prepare uses a session that prepares statements, and prepares this one.
func (d suiteDB) Prepare(ctx context.Context, text string) (func(...any) ([][]any, error), func() error, error) {
	s := d.db.Session(&gorm.Session{PrepareStmt: true, Context: ctx})
	if stmt, err := s.Statement.ConnPool.PrepareContext(ctx, text); err != nil {
		return nil, nil, err
	} else if err := stmt.Close(); err != nil {
		return nil, nil, err
	}
	query := func(args ...any) ([][]any, error) { return suiteOn{s}.Query(ctx, text, args...) }
	return query, func() error { return nil }, nil
}

type suiteTx struct{ suiteOn }

func (t suiteTx) Commit() error   { return t.db.Commit().Error }
func (t suiteTx) Rollback() error { return t.db.Rollback().Error }
