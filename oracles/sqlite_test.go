package oracles

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sqlc-dev/meyer/ast"
	"github.com/sqlc-dev/meyer/parser"

	"github.com/cacheops/cacheops/internal/catalog"
)

func TestSQLite(t *testing.T) { compare(t, catalog.SQLite, sqlite) }

// options: whether an UPDATE may have a LIMIT is up to how SQLite was built.
var options = parser.Options{UpdateDeleteLimit: true}

// sqlite is what SQLite's parser sees in a text.
func sqlite(text string) (seen, error) {
	stmts, err := options.ParseString(text)
	if err != nil {
		return seen{}, err
	}
	s := newSeen()
	for _, stmt := range stmts {
		s.statements++
		s.kind = sqliteKind(stmt)
		if s.kind == other {
			continue
		}
		ast.Walk(stmt, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CTE:
				s.ctes[strings.ToLower(n.Name.Name)] = true
			case *ast.TableRef:
				if n.Name != nil && !n.HasArgs {
					s.reads(sqliteName(n.Name))
				}
			case *ast.InExpr:
				if n.Table != nil && !n.HasArgs {
					s.reads(sqliteName(n.Table))
				}
			case *ast.InsertStmt:
				s.writes(sqliteName(n.Table))
			case *ast.UpdateStmt:
				s.writes(sqliteName(n.Table))
			case *ast.DeleteStmt:
				s.writes(sqliteName(n.Table))
			}
			return true
		})
	}
	return s, nil
}

func sqliteName(n *ast.QualifiedName) (schema, name string) {
	if n.Schema != nil {
		schema = n.Schema.Name
	}
	return schema, n.Name.Name
}

func sqliteKind(stmt ast.Stmt) kind {
	switch stmt.(type) {
	case *ast.SelectStmt:
		return read
	case *ast.InsertStmt, *ast.UpdateStmt, *ast.DeleteStmt:
		return write
	case *ast.ExplainStmt, *ast.BeginStmt, *ast.CommitStmt, *ast.RollbackStmt, *ast.SavepointStmt, *ast.ReleaseStmt,
		*ast.PragmaStmt, *ast.AttachStmt, *ast.DetachStmt, *ast.VacuumStmt, *ast.AnalyzeStmt, *ast.ReindexStmt:
		return other
	}
	if strings.Contains(fmt.Sprintf("%T", stmt), "Create") {
		return other // CREATE TEMP concerns the session alone
	}
	return ddl
}
