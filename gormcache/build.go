package gormcache

import (
	"reflect"
	"sync"

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
func (p *Plugin) build(db *gorm.DB) {
	stmt := db.Statement
	if !whole(stmt) {
		callbacks.BuildQuerySQL(db)
		return
	}
	_, selects := stmt.Clauses["SELECT"]
	if !selects {
		stmt.Clauses["SELECT"] = selectAll
	}
	_, from := stmt.Clauses["FROM"]
	if !from {
		stmt.Clauses["FROM"] = fromModel
	}
	if stmt.Vars == nil && !db.DryRun { // which leaves them
		stmt.Vars = make([]any, 0, 2)
	}
	if !selects && !from && empty(stmt.ReflectValue) {
		if head := p.heads.of(stmt); head != "" {
			buildAfter(head, stmt)
			return
		}
	}
	callbacks.BuildQuerySQL(db)
}

// empty says that no primary key in the destination is a condition.
func empty(dst reflect.Value) bool { return dst.Kind() == reflect.Slice || dst.IsZero() }

// buildAfter builds what comes after the first two clauses, whose text is head.
func buildAfter(head string, stmt *gorm.Statement) {
	for _, c := range stmt.Schema.QueryClauses {
		stmt.AddClause(c)
	}
	stmt.SQL.Grow(100) // as GORM does
	stmt.SQL.WriteString(head)
	rest := stmt.BuildClauses[2:]
	for _, name := range rest {
		if _, ok := stmt.Clauses[name]; ok {
			stmt.SQL.WriteByte(' ')
			stmt.Build(rest...)
			return
		}
	}
}

// heads are the texts of "SELECT * FROM table", by the table's *schema.Schema.
// GORM's way through two clauses to the quoted name, byte by byte, is a tenth of a
// query.
type heads struct{ bySchema sync.Map }

// head is such a text. What it was made of is all that it depends on.
type head struct {
	dialector gorm.Dialector // a pointer
	table     string
	text      string // empty where there is none
}

// of returns the text for a statement that [whole] holds of and that says nothing
// else of these two clauses; empty where it is to be built.
func (h *heads) of(stmt *gorm.Statement) string {
	if stmt.TableExpr != nil || len(stmt.BuildClauses) < 2 || stmt.BuildClauses[0] != "SELECT" || stmt.BuildClauses[1] != "FROM" {
		return ""
	}
	if builders := stmt.DB.ClauseBuilders; builders["SELECT"] != nil || builders["FROM"] != nil {
		return ""
	}
	v, ok := h.bySchema.Load(stmt.Schema)
	if !ok {
		v, _ = h.bySchema.LoadOrStore(stmt.Schema, newHead(stmt))
	}
	if made := v.(*head); made.table == stmt.Table && made.dialector == stmt.DB.Dialector {
		return made.text
	}
	return ""
}

func newHead(stmt *gorm.Statement) *head {
	d := stmt.DB.Dialector
	if reflect.TypeOf(d).Kind() != reflect.Pointer { // comparing others may panic
		return &head{}
	}
	made := gorm.Statement{DB: stmt.DB, Table: stmt.Table, Clauses: map[string]clause.Clause{"SELECT": selectAll, "FROM": fromModel}}
	made.Build("SELECT", "FROM")
	return &head{dialector: d, table: stmt.Table, text: made.SQL.String()}
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
