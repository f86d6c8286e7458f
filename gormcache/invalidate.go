package gormcache

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"sync"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/sqlcache"
)

// Invalidate drops what reads the rows that the objects are: at once, or, if db is
// a transaction, when that commits. An object is a pointer to a model, a model, or
// a list of them. It is for rows that were written past the cache: those that GORM
// writes need no help.
//
// An object stands for its row as it holds it, and as the database has it: the row
// with its primary key, and those with its values in a unique index that the model
// declares. So an object may be passed that was changed in memory, its key
// included, or whose row was. A field that is zero stands for any value, as in an
// object that was read in part, or has only its key. What nobody can know by these
// is how a row was that differs in its key and all its unique columns from both:
// the object as it was is then passed, too.
func Invalidate(db *gorm.DB, objects ...any) error {
	p, ok := db.Plugins[pluginName].(*Plugin)
	if !ok {
		return errors.New("gormcache: invalidate: the db does not use the plugin")
	}
	var targets []cacheops.Target
	for _, o := range objects {
		stmt := &gorm.Statement{DB: db}
		if err := stmt.ParseWithSpecialTableName(o, db.Statement.Table); err != nil {
			return fmt.Errorf("gormcache: invalidate: %w", err)
		}
		rows := rowsIn(reflect.Indirect(reflect.ValueOf(o)), stmt.Schema, math.MaxInt)
		if len(rows) == 0 {
			return fmt.Errorf("gormcache: invalidate: no row in a %T", o)
		}
		for _, row := range rows {
			stored, err := p.storedRows(db, stmt, row)
			if err != nil {
				return err
			}
			for _, r := range append(stored, row) {
				targets = append(targets, imageOf(db.Statement.Context, stmt, r))
			}
		}
	}
	return sqlcache.Invalidate(db.Statement.Context, plainPool(db.Statement.ConnPool), targets...)
}

// imageOf describes a row. Zero values, and those that a serializer makes, are left
// out, and so unknown.
func imageOf(ctx context.Context, stmt *gorm.Statement, row reflect.Value) cacheops.Target {
	t := cacheops.Table(stmt.Table)
	for _, name := range stmt.Schema.DBNames {
		f := stmt.Schema.FieldsByDBName[name]
		if v, zero := f.ValueOf(ctx, row); f.Serializer == nil && !zero {
			t = t.Where(name, v)
		}
	}
	return t
}

// storedRows reads the rows that have the object's primary key or its values in a
// unique index now, past the cache.
func (p *Plugin) storedRows(db *gorm.DB, stmt *gorm.Statement, row reflect.Value) ([]reflect.Value, error) {
	tx := db.Session(&gorm.Session{NewDB: true, SkipHooks: true, Context: cacheops.NoCache(db.Statement.Context)}).Table(stmt.Table).Unscoped()
	keys := 0
	for _, columns := range p.keysOf(stmt.Schema.ModelType) {
		if key := keyIn(db.Statement.Context, stmt.Schema, row, columns); key != nil {
			tx = tx.Or(key)
			keys++
		}
	}
	if keys == 0 {
		return nil, nil
	}
	list := reflect.New(reflect.SliceOf(stmt.Schema.ModelType))
	if err := tx.Find(list.Interface()).Error; err != nil {
		return nil, fmt.Errorf("gormcache: invalidate: read the row: %w", err)
	}
	return rowsIn(list.Elem(), stmt.Schema, math.MaxInt), nil
}

// keyIn returns the row's values of some columns, nil where one is missing or zero.
func keyIn(ctx context.Context, s *schema.Schema, row reflect.Value, columns []string) map[string]any {
	key := make(map[string]any, len(columns))
	for _, name := range columns {
		f := s.FieldsByDBName[name]
		if f == nil {
			return nil
		}
		v, zero := f.ValueOf(ctx, row)
		if zero {
			return nil
		}
		key[name] = v
	}
	return key
}

// keysOf returns the columns of a model's primary key and of its unique indexes.
func (p *Plugin) keysOf(t reflect.Type) [][]string {
	if keys, ok := p.keys.Load(t); ok {
		return keys.([][]string)
	}
	var keys [][]string
	// A schema of our own: to ask for its indexes changes it.
	if s, err := schema.Parse(reflect.New(t).Interface(), new(sync.Map), p.naming); err == nil {
		if len(s.PrimaryFieldDBNames) > 0 {
			keys = append(keys, s.PrimaryFieldDBNames)
		}
		for _, f := range s.Fields {
			if f.Unique && f.DBName != "" {
				keys = append(keys, []string{f.DBName})
			}
		}
		for _, index := range s.ParseIndexes() {
			if columns := columnsOf(index); columns != nil {
				keys = append(keys, columns)
			}
		}
	}
	p.keys.Store(t, keys)
	return keys
}

// columnsOf returns the columns of a unique index, nil if it is not one of columns
// alone, or not of all rows.
func columnsOf(index *schema.Index) []string {
	if index.Class != "UNIQUE" || index.Where != "" {
		return nil
	}
	columns := make([]string, 0, len(index.Fields))
	for _, f := range index.Fields {
		if f.Expression != "" || f.Field == nil || f.DBName == "" {
			return nil
		}
		columns = append(columns, f.DBName)
	}
	return columns
}
