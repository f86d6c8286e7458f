package sqldep

import (
	"fmt"
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
)

// textOf writes an expression as SQL for people: near to how it was written, with
// what is long cut short. It is never run.
func textOf(e Expr) string {
	switch e := e.(type) {
	case *Literal:
		return literalText(e)
	case *Lifted:
		return "?"
	case *Param:
		if e.Name != "" {
			return ":" + e.Name
		}
		return fmt.Sprintf("?%d", e.Index)
	case *Column:
		if e.Table != "" {
			return e.Table + "." + e.Name
		}
		return e.Name
	case *Unary:
		return strings.ToUpper(signOf(e.Op, e.Text)) + spaced(e.Op) + textOf(e.X)
	case *Binary:
		return operandText(e.X) + " " + strings.ToUpper(signOf(e.Op, e.Text)) + " " + operandText(e.Y)
	case *Between:
		return textOf(e.X) + not(e.Not) + " BETWEEN " + textOf(e.Lo) + " AND " + textOf(e.Hi)
	case *In:
		return textOf(e.X) + not(e.Not) + " IN (" + inText(e) + ")"
	case *Like:
		return textOf(e.X) + not(e.Not) + " " + likeWords[e.Kind] + " " + textOf(e.Pattern)
	case *Is:
		return textOf(e.X) + " IS" + not(e.Not) + " " + textOf(e.Y)
	case *Cast:
		return "CAST(" + textOf(e.X) + " AS " + e.Type + ")"
	case *Collate:
		return textOf(e.X) + " COLLATE " + e.Name
	case *Func:
		return e.Name + "(" + listText(e.Args) + ")"
	case *Row:
		return "(" + listText(e.Items) + ")"
	case *Exists:
		return "EXISTS (SELECT …)"
	case *Subquery:
		return "(SELECT …)"
	case *Any:
		return textOf(e.X) + " " + signOf(e.Op, e.Text) + " ANY (…)"
	case *Case:
		return "CASE … END"
	}
	return "…"
}

// operandText puts what binds less than a comparison into parentheses.
func operandText(e Expr) string {
	if b, ok := e.(*Binary); ok && (b.Op == OpAnd || b.Op == OpOr) {
		return "(" + textOf(e) + ")"
	}
	return textOf(e)
}

func not(is bool) string {
	if is {
		return " NOT"
	}
	return ""
}

func inText(e *In) string {
	if e.Query != nil || e.Table != nil || e.Func != nil {
		return "SELECT …"
	}
	return listText(e.List)
}

// shownItems is how many items of a list are written out.
const shownItems = 3

func listText(es []Expr) string {
	var parts []string
	for i, e := range es {
		if i == shownItems {
			parts = append(parts, "…")
			break
		}
		parts = append(parts, textOf(e))
	}
	return strings.Join(parts, ", ")
}

var likeWords = [...]string{"", "LIKE", "ILIKE", "GLOB", "REGEXP", "MATCH", "SIMILAR TO"}

var signWords = [...]string{
	"", "=", "<>", "<", "<=", ">", ">=", "AND", "OR", "NOT", "-", "+", "~", "+", "-", "*", "/", "%", "||",
	"&", "|", "<<", ">>", "->", "->>", "<=>",
}

func signOf(op Op, text string) string {
	if op == OpOther {
		return text
	}
	return signWords[op]
}

// spaced separates a word from its operand.
func spaced(op Op) string {
	if op == OpNot || op == OpOther {
		return " "
	}
	return ""
}

func literalText(e *Literal) string {
	switch v := e.Value.(type) {
	case string:
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	case []byte:
		return fmt.Sprintf("x'%x'", v)
	case catalog.Literal:
		return v.Text
	case nil:
		if e.Kind == LitCurrent {
			return "CURRENT"
		}
		return "NULL"
	}
	return fmt.Sprint(e.Value)
}
