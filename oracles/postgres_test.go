package oracles

import (
	"strings"
	"testing"

	pg "github.com/sqlc-dev/oliphant"

	"github.com/cacheops/cacheops/internal/catalog"
)

func TestPostgreSQL(t *testing.T) { compare(t, catalog.PostgreSQL, postgres) }

// postgres is what PostgreSQL's parser sees in a text.
func postgres(text string) (seen, error) {
	sum, err := pg.Summary(text, -1)
	if err != nil {
		return seen{}, err
	}
	tree, err := pg.Parse(text)
	if err != nil {
		return seen{}, err
	}
	s := newSeen()
	s.statements = len(tree.GetStmts())
	for _, name := range sum.GetCteNames() {
		s.ctes[strings.ToLower(name)] = true
	}
	for _, table := range sum.GetTables() {
		switch table.GetContext() {
		case pg.SummaryResult_DML:
			s.writes(table.GetSchemaName(), table.GetTableName())
		case pg.SummaryResult_DDL:
		default:
			s.reads(table.GetSchemaName(), table.GetTableName())
		}
	}
	for _, stmt := range tree.GetStmts() {
		s.kind = postgresKind(stmt.GetStmt())
	}
	return s, nil
}

func postgresKind(n *pg.Node) kind {
	switch n := n.GetNode().(type) {
	case *pg.Node_SelectStmt:
		if n.SelectStmt.GetIntoClause() != nil {
			return ddl
		}
		return read
	case *pg.Node_InsertStmt, *pg.Node_UpdateStmt, *pg.Node_DeleteStmt:
		return write
	}
	return other
}
