package oracles

import (
	"slices"
	"strings"
	"testing"

	pg "github.com/sqlc-dev/oliphant"
	"google.golang.org/protobuf/reflect/protoreflect"

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
		s.where, s.shaped = postgresWhere(stmt.GetStmt())
		s.exact = s.kind == write
	}
	return s, nil
}

// postgresWhere is the shape of the outermost WHERE.
func postgresWhere(n *pg.Node) (shape string, ok bool) {
	switch n := n.GetNode().(type) {
	case *pg.Node_SelectStmt:
		if n.SelectStmt.GetOp() != pg.SetOperation_SETOP_NONE {
			return "", false
		}
		return postgresShape(n.SelectStmt.GetWhereClause()), true
	case *pg.Node_UpdateStmt:
		return postgresShape(n.UpdateStmt.GetWhereClause()), true
	case *pg.Node_DeleteStmt:
		return postgresShape(n.DeleteStmt.GetWhereClause()), true
	}
	return "", false
}

func postgresShape(n *pg.Node) string {
	if n == nil {
		return ""
	}
	if b := n.GetBoolExpr(); b != nil {
		var parts []string
		for _, arg := range b.GetArgs() {
			parts = append(parts, postgresShape(arg))
		}
		switch b.GetBoolop() {
		case pg.BoolExprType_AND_EXPR:
			return junction("and", parts...)
		case pg.BoolExprType_OR_EXPR:
			return junction("or", parts...)
		}
		return negation(parts[0])
	}
	return postgresCondition(n)
}

func postgresCondition(n *pg.Node) string {
	cols := func(n *pg.Node) []string { return postgresColumns(n.ProtoReflect(), nil) }
	if e := n.GetAExpr(); e != nil && e.GetLexpr() != nil {
		name := e.GetName()
		op := name[0].GetString_().GetSval()
		switch e.GetKind() {
		case pg.A_Expr_Kind_AEXPR_OP:
			if slices.Contains([]string{"=", "<>", "<", "<=", ">", ">="}, op) && len(name) == 1 {
				return condition(op, cols(e.GetLexpr()), cols(e.GetRexpr()))
			}
		case pg.A_Expr_Kind_AEXPR_DISTINCT, pg.A_Expr_Kind_AEXPR_NOT_DISTINCT:
			if e.GetRexpr().GetAConst().GetIsnull() {
				return condition("null", cols(e.GetLexpr()))
			}
		case pg.A_Expr_Kind_AEXPR_IN:
			return condition("in", cols(e.GetLexpr()), cols(e.GetRexpr()))
		case pg.A_Expr_Kind_AEXPR_LIKE:
			return condition("like", cols(e.GetLexpr()), cols(e.GetRexpr()))
		case pg.A_Expr_Kind_AEXPR_BETWEEN, pg.A_Expr_Kind_AEXPR_NOT_BETWEEN, pg.A_Expr_Kind_AEXPR_BETWEEN_SYM, pg.A_Expr_Kind_AEXPR_NOT_BETWEEN_SYM:
			bounds := e.GetRexpr().GetList().GetItems()
			return condition("between", cols(e.GetLexpr()), cols(bounds[0]), cols(bounds[1]))
		}
	}
	if t := n.GetNullTest(); t != nil {
		return condition("null", cols(t.GetArg()))
	}
	if t := n.GetBooleanTest(); t != nil && (t.GetBooltesttype() == pg.BoolTestType_IS_UNKNOWN || t.GetBooltesttype() == pg.BoolTestType_IS_NOT_UNKNOWN) {
		return condition("null", cols(t.GetArg()))
	}
	return condition("", cols(n))
}

// postgresColumns adds the names of the columns anywhere in a message.
func postgresColumns(m protoreflect.Message, list []string) []string {
	if c, ok := m.Interface().(*pg.ColumnRef); ok {
		fields := c.GetFields()
		if last := fields[len(fields)-1]; last.GetString_() != nil {
			return append(list, last.GetString_().GetSval())
		} else if len(fields) > 1 {
			return append(list, "*")
		}
		return list // SELECT * in a subquery
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Kind() != protoreflect.MessageKind:
		case f.IsList():
			for i := range v.List().Len() {
				list = postgresColumns(v.List().Get(i).Message(), list)
			}
		default:
			list = postgresColumns(v.Message(), list)
		}
		return true
	})
	return list
}

func postgresKind(n *pg.Node) kind {
	switch n := n.GetNode().(type) {
	case *pg.Node_SelectStmt:
		if n.SelectStmt.GetIntoClause() != nil {
			return ddl
		}
		return read
	case *pg.Node_InsertStmt, *pg.Node_UpdateStmt, *pg.Node_DeleteStmt, *pg.Node_MergeStmt:
		return write
	}
	return other
}
