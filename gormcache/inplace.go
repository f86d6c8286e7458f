package gormcache

import (
	"reflect"
	"sync"
	"unsafe"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// InPlace calls f with a db whose statement is used again and again, where every
// chain of GORM's otherwise makes one:
//
//	err := gormcache.InPlace(db, func(tx *gorm.DB) error {
//		return tx.Where("category = ?", 5).Find(&articles).Error
//	})
//
// f makes one query, and keeps nothing of tx. A db that has conditions or scopes
// of its own, or is in the midst of a chain, is handed to f as it is. It returns
// what f returns.
func InPlace(db *gorm.DB, f func(tx *gorm.DB) error) error {
	if !fresh(db) {
		return f(db)
	}
	c := chains.Get().(*chain)
	if c.tx == nil {
		c.tx = db.Clauses()
		c.clauses, c.vars = c.tx.Statement.Clauses, make([]any, 0, 8)
	}
	c.begin(db)
	err := f(c.tx) // a panic leaves the chain to the collector
	c.end()
	chains.Put(c)
	return err
}

// chain is a db that stands at a statement of its own.
type chain struct {
	tx      *gorm.DB
	clauses map[string]clause.Clause
	vars    []any
}

var chains = sync.Pool{New: func() any { return new(chain) }}

// begin makes the statement what GORM would make for a chain of db's.
func (c *chain) begin(db *gorm.DB) {
	c.tx.Config, c.tx.Error, c.tx.RowsAffected = db.Config, db.Error, 0
	*c.tx.Statement = gorm.Statement{
		DB: c.tx, ConnPool: db.Statement.ConnPool, Context: db.Statement.Context,
		Clauses: c.clauses, Vars: c.vars, SkipHooks: db.Statement.SkipHooks,
		Unscoped: db.PropagateUnscoped && db.Statement.Unscoped,
	}
}

// end lets go of everything that the query referred to.
func (c *chain) end() {
	clear(c.clauses)
	clear(c.vars[:cap(c.vars)])
	*c.tx.Statement = gorm.Statement{}
	c.tx.Config, c.tx.Error = nil, nil
}

// cloneField is where a gorm.DB says what its next chain does.
var cloneField, cloneKnown = func() (uintptr, bool) {
	f, ok := reflect.TypeFor[gorm.DB]().FieldByName("clone")
	return f.Offset, ok && f.Type.Kind() == reflect.Int
}()

// fresh reports whether a chain of db's begins with an empty statement.
func fresh(db *gorm.DB) bool {
	const newStatement = 1
	return cloneKnown && *(*int)(unsafe.Add(unsafe.Pointer(db), cloneField)) == newStatement
}
