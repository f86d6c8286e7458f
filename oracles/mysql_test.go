package oracles

import (
	"testing"

	"github.com/sqlc-dev/marino/ast"
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
		case *ast.InsertStmt:
			s.kind = write
			v.written(stmt.Table)
			stmt.Accept(v)
		case *ast.UpdateStmt:
			s.kind = write
			s.several = stmt.MultipleTable
			v.written(stmt.TableRefs)
			stmt.Accept(v)
		case *ast.DeleteStmt:
			s.kind = write
			s.several = stmt.IsMultiTable
			v.written(stmt.TableRefs)
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

func (v *mysqlVisitor) Enter(n ast.Node) (ast.Node, bool) {
	switch n := n.(type) {
	case *ast.CommonTableExpression:
		v.seen.ctes[n.Name.L] = true
	case *ast.SubqueryExpr:
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
