package oracles

import (
	"testing"

	"github.com/sqlc-dev/marino/ast"
	"github.com/sqlc-dev/marino/opcode"
	"github.com/sqlc-dev/marino/parser"

	"github.com/cacheops/cacheops/internal/catalog"
)

func TestMySQL(t *testing.T) { compare(t, catalog.MySQL, mysql) }

// mysql is what MySQL's parser sees in a text.
func mysql(text string) (seen, error) {
	stmts, _, err := parser.New().ParseSQL(text)
	if err != nil {
		return seen{}, err
	}
	s := newSeen()
	for _, stmt := range stmts {
		s.statements++
		v := &mysqlVisitor{seen: &s}
		switch stmt := stmt.(type) {
		case *ast.SelectStmt, *ast.SetOprStmt:
			s.kind = read
			stmt.Accept(v)
			if q, ok := stmt.(*ast.SelectStmt); ok {
				s.where, s.shaped = mysqlShape(q.Where), q.SelectIntoOpt == nil
			}
		case *ast.InsertStmt:
			s.kind = write
			s.exact = true
			v.written(stmt.Table)
			stmt.Accept(v)
		case *ast.UpdateStmt:
			s.kind = write
			s.several = stmt.TableRefs.TableRefs.Right != nil
			s.exact = !s.several
			s.where, s.shaped = mysqlShape(stmt.Where), true
			if s.several {
				v.assigned(stmt)
			} else {
				v.written(stmt.TableRefs)
			}
			stmt.Accept(v)
		case *ast.DeleteStmt:
			s.kind = write
			s.several = stmt.IsMultiTable
			s.exact = !stmt.IsMultiTable
			s.where, s.shaped = mysqlShape(stmt.Where), true
			if stmt.IsMultiTable {
				v.deleted(stmt)
			} else {
				v.written(stmt.TableRefs)
			}
			stmt.Accept(v)
		default:
			s.kind = other
		}
	}
	return s, nil
}

// mysqlVisitor collects the tables of a tree.
type mysqlVisitor struct {
	seen   *seen
	target bool // what is seen is written
}

func (v *mysqlVisitor) written(refs *ast.TableRefsClause) {
	if refs == nil {
		return
	}
	v.target = true
	refs.Accept(v)
	v.target = false
}

// assigned notes the tables of a join that SET names; which ones bare names mean
// the tree does not tell.
func (v *mysqlVisitor) assigned(stmt *ast.UpdateStmt) {
	names := aliasesOf(stmt.TableRefs)
	for _, a := range stmt.List {
		if t := names[a.Column.Table.L]; t != nil {
			v.seen.writes(t.Schema.O, t.Name.O)
		}
	}
}

// deleted notes the tables of a join that rows are deleted from.
func (v *mysqlVisitor) deleted(stmt *ast.DeleteStmt) {
	names := aliasesOf(stmt.TableRefs)
	for _, to := range stmt.Tables.Tables {
		if t := names[to.Name.L]; t != nil {
			v.seen.writes(t.Schema.O, t.Name.O)
		}
	}
}

// aliasesOf returns the tables of a join by the names that they go by.
func aliasesOf(refs *ast.TableRefsClause) aliases {
	names := aliases{}
	if refs != nil {
		refs.Accept(names)
	}
	return names
}

type aliases map[string]*ast.TableName

func (a aliases) Enter(n ast.Node) (ast.Node, bool) {
	src, ok := n.(*ast.TableSource)
	if !ok {
		return n, false
	}
	if t, ok := src.Source.(*ast.TableName); ok {
		name := src.AsName.L
		if name == "" {
			name = t.Name.L
		}
		a[name] = t
	}
	return n, true
}

func (a aliases) Leave(n ast.Node) (ast.Node, bool) { return n, true }

func (v *mysqlVisitor) Enter(n ast.Node) (ast.Node, bool) {
	switch n := n.(type) {
	case *ast.CommonTableExpression:
		v.seen.ctes[n.Name.L] = true
	case *ast.SubqueryExpr, *ast.SelectStmt:
		if v.target {
			return n, true
		}
	case *ast.TableName:
		if v.target {
			v.seen.writes(n.Schema.O, n.Name.O)
		} else {
			v.seen.reads(n.Schema.O, n.Name.O)
		}
	}
	return n, false
}

func (v *mysqlVisitor) Leave(n ast.Node) (ast.Node, bool) { return n, true }

func mysqlShape(e ast.ExprNode) string {
	switch e := e.(type) {
	case nil:
		return ""
	case *ast.ParenthesesExpr:
		return mysqlShape(e.Expr)
	case *ast.BinaryOperationExpr:
		switch e.Op {
		case opcode.LogicAnd:
			return junction("and", mysqlShape(e.L), mysqlShape(e.R))
		case opcode.LogicOr:
			return junction("or", mysqlShape(e.L), mysqlShape(e.R))
		}
	case *ast.UnaryOperationExpr:
		if e.Op == opcode.Not || e.Op == opcode.Not2 {
			return negation(mysqlShape(e.V))
		}
	}
	return mysqlCondition(e)
}

var mysqlComparisons = map[opcode.Op]string{
	opcode.EQ: "=", opcode.NE: "<>", opcode.LT: "<", opcode.LE: "<=", opcode.GT: ">", opcode.GE: ">=", opcode.NullEQ: "<=>",
}

func mysqlCondition(e ast.ExprNode) string {
	cols := func(es ...ast.ExprNode) []string {
		var c mysqlColumns
		for _, e := range es {
			e.Accept(&c)
		}
		return c
	}
	switch e := e.(type) {
	case *ast.BinaryOperationExpr:
		if op := mysqlComparisons[e.Op]; op != "" {
			return condition(op, cols(e.L), cols(e.R))
		}
	case *ast.PatternInExpr:
		if e.Sel == nil {
			return condition("in", cols(e.Expr), cols(e.List...))
		}
	case *ast.BetweenExpr:
		return condition("between", cols(e.Expr), cols(e.Left), cols(e.Right))
	case *ast.PatternLikeOrIlikeExpr:
		return condition("like", cols(e.Expr), cols(e.Pattern))
	case *ast.IsNullExpr:
		return condition("null", cols(e.Expr))
	}
	return condition("", cols(e))
}

// mysqlColumns collects the names of columns.
type mysqlColumns []string

func (c *mysqlColumns) Enter(n ast.Node) (ast.Node, bool) {
	if n, ok := n.(*ast.ColumnName); ok {
		*c = append(*c, n.Name.L)
	}
	return n, false
}

func (c *mysqlColumns) Leave(n ast.Node) (ast.Node, bool) { return n, true }
