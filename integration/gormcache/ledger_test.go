package gormcache

import (
	"database/sql"
	"database/sql/driver"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// Ledger is locked optimistically.
type Ledger struct {
	ID      uint `gorm:"autoIncrement:false"`
	Balance int
	Version Version
}

// Version is a lock as plugins for GORM make them: by a field whose clauses go into
// every update. A row's version is asked for and raised.
type Version sql.NullInt64

func (v *Version) Scan(value any) error { return (*sql.NullInt64)(v).Scan(value) }

func (v Version) Value() (driver.Value, error) { return v.Int64, nil }

func (v Version) GormDataType() string { return "bigint" }

func (v Version) UpdateClauses(f *schema.Field) []clause.Interface {
	return []clause.Interface{raised{f}}
}

type raised struct{ *schema.Field }

func (raised) Name() string               { return "" }
func (raised) Build(clause.Builder)       {}
func (raised) MergeClause(*clause.Clause) {}

func (r raised) ModifyStatement(stmt *gorm.Statement) {
	const done = "version"
	if _, ok := stmt.Clauses[done]; ok || stmt.SQL.Len() > 0 {
		return
	}
	stmt.Clauses[done] = clause.Clause{}
	if v, zero := r.ValueOf(stmt.Context, stmt.ReflectValue); !zero {
		stmt.AddClause(clause.Where{Exprs: []clause.Expression{clause.Eq{Column: clause.Column{Table: clause.CurrentTable, Name: r.DBName}, Value: v}}})
	}
	stmt.SetColumn(r.DBName, clause.Expr{SQL: stmt.Quote(r.DBName) + " + 1"}, true)
}

// A lock is kept by what was read from the cache, and noticed by who comes late.
func TestOptimisticLocks(t *testing.T) {
	eachEngine(t, setup{}, func(w *world) {
		must(t, w.cached.Create(&Ledger{ID: 1, Version: Version{Int64: 1, Valid: true}}).Error)
		for i := range 5 {
			w.warm(first[Ledger](1))
			var mine, late Ledger
			must(t, w.cached.First(&mine, 1).Error)
			must(t, w.cached.First(&late, 1).Error)
			for j, l := range []*Ledger{&mine, &late} {
				tx := w.cached.Model(l).Update("balance", 10*i+j)
				must(t, tx.Error)
				if tx.RowsAffected != int64(1-j) {
					t.Fatalf("round %d: writer %d changed %d rows", i, j, tx.RowsAffected)
				}
			}
			w.fresh(first[Ledger](1))
		}
	})
}
