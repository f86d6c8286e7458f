package gormcache

import (
	"fmt"
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/sqlcache"
)

// maxSaved bounds the rows of one statement that are read anew.
const maxSaved = 32

// saves refuses, before anything is written, a save whose rule names a column that
// the model does not have.
func (p *Plugin) saves(db *gorm.DB) {
	stmt := db.Statement
	if db.Error != nil || stmt.Schema == nil {
		return
	}
	for _, column := range p.cache.SavedBy(stmt.Table) {
		if column != cacheops.PrimaryKey && columnOf(stmt.Schema, column) == nil {
			_ = db.AddError(fmt.Errorf("gormcache: Rule.CacheOnSave: %s has no column %q", stmt.Schema.Name, column))
		}
	}
}

// saved has the rows that a statement has saved read once that is committed.
func (p *Plugin) saved(db *gorm.DB) {
	stmt := db.Statement
	if db.Error != nil || db.DryRun || stmt.Schema == nil || db.RowsAffected == 0 {
		return
	}
	columns := p.cache.SavedBy(stmt.Table)
	if len(columns) == 0 {
		return
	}
	var reads []sqlcache.Read
	for _, row := range rowsIn(stmt.ReflectValue, stmt.Schema, maxSaved) {
		for _, column := range columns {
			reads = append(reads, p.savedBy(db, row, column)...)
		}
	}
	if len(reads) > 0 {
		_ = db.AddError(sqlcache.Refresh(stmt.Context, plainPool(stmt.ConnPool), reads...))
	}
}

func columnOf(s *schema.Schema, name string) *schema.Field {
	if f := s.LookUpField(name); f != nil && f.DBName != "" {
		return f
	}
	return nil
}

func (p *Plugin) savedBy(db *gorm.DB, row reflect.Value, column string) []sqlcache.Read {
	stmt := db.Statement
	field := stmt.Schema.PrioritizedPrimaryField
	if column != cacheops.PrimaryKey {
		field = columnOf(stmt.Schema, column)
	}
	if field == nil {
		return nil
	}
	v, zero := field.ValueOf(stmt.Context, row)
	if zero {
		return nil
	}
	return p.byKey(db, field, column != cacheops.PrimaryKey, v)
}

// rowsIn returns the models that v is, the first most of them, if they are of the
// schema.
func rowsIn(v reflect.Value, s *schema.Schema, most int) []reflect.Value {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == s.ModelType {
			return []reflect.Value{v}
		}
	case reflect.Slice, reflect.Array:
		var rows []reflect.Value
		for i := range min(v.Len(), most) {
			if e := reflect.Indirect(v.Index(i)); e.IsValid() && e.Type() == s.ModelType {
				rows = append(rows, e)
			}
		}
		return rows
	}
	return nil
}

// byKey returns First and Take of a row by its key, as a program writes them.
func (p *Plugin) byKey(db *gorm.DB, field *schema.Field, named bool, key any) []sqlcache.Read {
	dry := db.Session(&gorm.Session{NewDB: true, DryRun: true, SkipHooks: true})
	if t := db.Statement.Table; t != db.Statement.Schema.Table {
		dry = dry.Table(t).Session(&gorm.Session{})
	}
	conds := []any{key}
	if _, text := key.(string); named || text { // GORM takes a text alone for SQL
		conds = []any{field.DBName + " = ?", key}
	}
	var reads []sqlcache.Read
	for _, read := range []func(*gorm.DB, any, ...any) *gorm.DB{(*gorm.DB).First, (*gorm.DB).Take} {
		tx := read(dry, reflect.New(db.Statement.Schema.ModelType).Interface(), conds...)
		if tx.Error == nil {
			reads = append(reads, sqlcache.Read{Text: tx.Statement.SQL.String(), Args: tx.Statement.Vars})
		}
	}
	return reads
}

// plainPool returns what runs a statement without preparing it.
func plainPool(cp gorm.ConnPool) gorm.ConnPool {
	switch c := cp.(type) {
	case *gorm.PreparedStmtDB:
		return plainPool(c.ConnPool)
	case *gorm.PreparedStmtTX:
		return c.Tx
	}
	return cp
}
