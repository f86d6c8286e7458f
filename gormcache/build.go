package gormcache

import (
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"
)

// What GORM's builder adds to a statement that selects whole models of one table:
// boxed once here, where it boxes them twice each time.
var (
	selectAll = clause.Clause{Name: "SELECT", Expression: clause.Select{}}
	fromModel = clause.Clause{Name: "FROM", Expression: clause.From{}}
)

// build builds a query as GORM does, and leaves the statement as it would: what
// hits pay for the cache is saved here in part.
func build(db *gorm.DB) {
	stmt := db.Statement
	if whole(stmt) {
		if _, ok := stmt.Clauses["SELECT"]; !ok {
			stmt.Clauses["SELECT"] = selectAll
		}
		if _, ok := stmt.Clauses["FROM"]; !ok {
			stmt.Clauses["FROM"] = fromModel
		}
		if stmt.Vars == nil && !db.DryRun { // which leaves them
			stmt.Vars = make([]any, 0, 2)
		}
	}
	callbacks.BuildQuerySQL(db)
}

// whole says that the builder will ask for all columns of the model's table: it is
// BuildQuerySQL's own decision. Clauses of a field's that are not GORM's may look at
// those that are there.
func whole(stmt *gorm.Statement) bool {
	s := stmt.Schema
	if s == nil || stmt.SQL.Len() > 0 || stmt.Distinct || stmt.QueryFields ||
		len(stmt.Selects) > 0 || len(stmt.Omits) > 0 || len(stmt.Joins) > 0 || !stmt.ReflectValue.IsValid() {
		return false
	}
	for _, c := range s.QueryClauses {
		if _, ok := c.(gorm.SoftDeleteQueryClause); !ok {
			return false
		}
	}
	switch t := stmt.ReflectValue.Type(); t.Kind() {
	case reflect.Struct:
		return t == s.ModelType
	case reflect.Slice:
		return t.Elem() == s.ModelType
	}
	return false
}
