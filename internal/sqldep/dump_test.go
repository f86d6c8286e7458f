package sqldep

import (
	"fmt"
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
)

// dump prints a tree in brackets, everything that was parsed and nothing else.
func dump(n Node) string {
	if absent(n) {
		return "-"
	}
	switch n := n.(type) {
	case Statement:
		return dumpStatement(n)
	case From:
		return dumpFrom(n)
	case Expr:
		return dumpExpr(n)
	case *Core:
		return dumpCore(n)
	}
	return fmt.Sprintf("%T", n)
}

// list prints (head part part …), the empty parts left out.
func list(head string, parts ...string) string {
	out := "(" + head
	for _, p := range parts {
		if p != "" {
			out += " " + p
		}
	}
	return out + ")"
}

func opt(head string, e Expr) string {
	if e == nil {
		return ""
	}
	return list(head, dump(e))
}

func when(b bool, s string) string {
	if b {
		return s
	}
	return ""
}

func each[T any](items []T, f func(T) string) string {
	var parts []string
	for _, x := range items {
		parts = append(parts, f(x))
	}
	return strings.Join(parts, " ")
}

func group[T any](head string, items []T, f func(T) string) string {
	if len(items) == 0 {
		return ""
	}
	return list(head, each(items, f))
}

func dumpAny(e Expr) string { return dump(e) }

func dumpWith(w *With) string {
	if w == nil {
		return ""
	}
	return list("with"+when(w.Recursive, "-recursive"), each(w.CTEs, func(c *CTE) string {
		return list(c.Name, group("cols", c.Columns, func(s string) string { return s }), dump(c.Body),
			group("search", c.Search, func(s string) string { return s }))
	}))
}

var compoundNames = [...]string{"", "union", "union-all", "intersect", "intersect-all", "except", "except-all"}

func dumpStatement(s Statement) string {
	switch s := s.(type) {
	case *Select:
		cores := dumpCore(s.Cores[0])
		for i, op := range s.Ops {
			cores += " " + compoundNames[op] + " " + dumpCore(s.Cores[i+1])
		}
		if s.With == nil && len(s.Ops) == 0 && s.OrderBy == nil && s.Limit == nil && s.Offset == nil && s.Lock == "" && !s.Into {
			return cores
		}
		return list("query", dumpWith(s.With), cores, group("order", s.OrderBy, dumpOrder), opt("limit", s.Limit),
			opt("offset", s.Offset), when(s.Lock != "", "lock:"+strings.ReplaceAll(s.Lock, " ", "-")), when(s.Into, "into"),
			when(s.IntoTable != nil, "new-table"))
	case *Insert:
		return list("insert", dumpWith(s.With), dumpOr(s.Or), dumpTarget(&s.Into), group("cols", s.Columns, func(s string) string { return s }),
			when(s.Overriding != "", "overriding-"+s.Overriding), group("values", s.Rows, dumpRow), when(s.Default, "default"), dumpOptional(s.Query),
			when(s.RowAlias != "", "as:"+s.RowAlias+strings.Join(s.RowColumns, ",")),
			each(s.Upserts, dumpUpsert), group("returning", s.Returning, dumpColumn))
	case *Update:
		return list("update", dumpWith(s.With), dumpOr(s.Or), dumpTarget(&s.Table), group("set", s.Set, dumpAssignment),
			dumpOptional(s.Tables), when(s.From != nil, "(from "+dumpFrom(s.From)+")"), opt("where", s.Where), group("returning", s.Returning, dumpColumn),
			group("order", s.OrderBy, dumpOrder), opt("limit", s.Limit), opt("offset", s.Offset))
	case *Delete:
		return list("delete", dumpWith(s.With), when(s.Targets == nil, dumpTarget(&s.Table)), group("of", s.Targets, func(t Target) string { return dumpTarget(&t) }),
			when(s.Using != nil, "(using "+dumpFrom(s.Using)+")"), opt("where", s.Where),
			group("returning", s.Returning, dumpColumn), group("order", s.OrderBy, dumpOrder), opt("limit", s.Limit),
			opt("offset", s.Offset))
	case *Merge:
		return list("merge", dumpWith(s.With), dumpTarget(&s.Into), "(using "+dumpFrom(s.Using)+")", opt("on", s.On),
			each(s.Whens, dumpWhen), group("returning", s.Returning, dumpColumn))
	case *Truncate:
		return list("truncate", each(s.Tables, func(t Target) string { return dumpTarget(&t) }), when(s.Cascade, "cascade"))
	case *Copy:
		return list("copy", when(s.Out, "out"), dumpTarget(&s.Table), group("cols", s.Columns, func(s string) string { return s }),
			dumpOptional(s.Query), group("set", s.Set, dumpAssignment), opt("where", s.Where))
	case *Explain:
		return list("explain", when(s.Analyze, "analyze"), dumpOptional(s.Body))
	}
	return fmt.Sprintf("%T", s)
}

func dumpWhen(w MergeWhen) string {
	head := when(w.Matched, "matched") + when(!w.Matched, "unmatched") + when(w.BySource, "-by-source")
	return list(head, opt("and", w.Cond), [...]string{"nothing", "insert", "update", "delete"}[w.Action],
		group("set", w.Set, dumpAssignment), group("cols", w.Columns, func(s string) string { return s }),
		when(w.Values != nil, dumpRow(w.Values)))
}

func dumpOptional(n Node) string {
	if absent(n) {
		return ""
	}
	return dump(n)
}

func dumpOr(r Resolution) string {
	return [...]string{"", "or-abort", "or-fail", "or-ignore", "or-replace", "or-rollback"}[r]
}

func dumpTarget(t *Target) string {
	return when(t.Only, "only:") + when(t.Schema != "", t.Schema+".") + t.Name + when(t.Alias != "", "/"+t.Alias)
}

func dumpRow(r []Expr) string { return "[" + each(r, dumpAny) + "]" }

func dumpUpsert(u *Upsert) string {
	return list("conflict", group("on", u.Columns, dumpAny), when(u.Constraint != "", u.Constraint), opt("where", u.Where),
		when(u.Nothing, "nothing"), group("set", u.Set, dumpAssignment), opt("set-where", u.SetWhere))
}

func dumpAssignment(a Assignment) string {
	return list("= "+when(a.Schema != "", a.Schema+".")+when(a.Table != "", a.Table+".")+strings.Join(a.Columns, ",")+when(a.Odd, "!"), dump(a.Value))
}

func dumpOrder(o Order) string {
	return dump(o.Expr) + when(o.Desc, "↓") + when(o.Using != "", "using"+o.Using)
}

func dumpColumn(c ResultColumn) string {
	if c.Star {
		return when(c.Schema != "", c.Schema+".") + when(c.Table != "", c.Table+".") + "*"
	}
	return dump(c.Expr) + when(c.Alias != "", "/"+c.Alias)
}

func dumpCore(c *Core) string {
	if c.Sub != nil {
		return list("sub", dump(c.Sub))
	}
	if c.Values != nil {
		return list("values", each(c.Values, dumpRow))
	}
	return list("select", when(c.FoundRows, "found-rows"), when(c.Distinct, "distinct"), group("on", c.DistinctOn, dumpAny), each(c.Columns, dumpColumn),
		when(c.From != nil, "(from "+dumpFrom(c.From)+")"), opt("where", c.Where), group("group"+when(c.Rollup, "-with-rollup"), c.GroupBy, dumpAny),
		opt("having", c.Having), group("window", c.Windows, func(w NamedWindow) string { return w.Name + dumpWindow(&w.Window) }))
}

func dumpWindow(w *Window) string {
	return "[" + strings.TrimSpace(w.Base+" "+group("part", w.Partition, dumpAny)+group("order", w.OrderBy, dumpOrder)+
		group("frame", w.Frame, dumpAny)) + "]"
}

var joinNames = [...]string{"inner", "left", "right", "full", "cross"}

func dumpFrom(f From) string {
	switch f := f.(type) {
	case nil:
		return ""
	case *Table:
		return when(f.Only, "only:") + when(f.Schema != "", f.Schema+".") + f.Name + when(f.Alias != "", "/"+f.Alias) +
			when(len(f.Columns) > 0, "("+strings.Join(f.Columns, ",")+")")
	case *SubFrom:
		return when(f.Lateral, "lateral:") + dump(f.Query) + when(f.Alias != "", "/"+f.Alias) +
			when(len(f.Columns) > 0, "("+strings.Join(f.Columns, ",")+")")
	case *TableFunc:
		return list(f.Name+"()"+when(f.Odd, "!"), each(f.Args, dumpAny), when(f.Ordinality, "ordinality")) + when(f.Alias != "", "/"+f.Alias) +
			when(len(f.Columns) > 0, "("+strings.Join(f.Columns, ",")+")")
	case *OddFrom:
		return list("odd:"+strings.ReplaceAll(f.Why, " ", "-"), each(f.Items, dumpFrom), each(f.Exprs, dumpAny)) +
			when(f.Alias != "", "/"+f.Alias) + when(len(f.Columns) > 0, "("+strings.Join(f.Columns, ",")+")")
	case *Join:
		return list(when(f.Natural, "natural-")+joinNames[f.Kind], dump(f.Left), dump(f.Right),
			group("using", f.Using, func(s string) string { return s }), opt("on", f.On))
	}
	return fmt.Sprintf("%T", f)
}

var opNames = [...]string{
	"op", "=", "<>", "<", "<=", ">", ">=", "and", "or", "not", "neg", "pos", "~", "+", "-", "*", "/", "%", "||",
	"&", "|", "<<", ">>", "->", "->>", "<=>",
}

func dumpExpr(e Expr) string {
	switch e := e.(type) {
	case *Literal:
		switch e.Kind {
		case LitCurrent:
			return "current"
		case LitBool:
			return fmt.Sprintf("bool:%v", e.Value)
		case LitNull:
			return "null"
		}
		return value(e.Value)
	case *Lifted:
		return fmt.Sprintf("$%d", e.Slot)
	case *Param:
		return fmt.Sprintf("?%d%s", e.Index, e.Name)
	case *Column:
		return when(e.Schema != "", e.Schema+".") + when(e.Table != "", e.Table+".") + e.Name + when(e.Quoted, `"`)
	case *Unary:
		return list(opName(e.Op, e.Text), dump(e.X))
	case *Binary:
		return list(opName(e.Op, e.Text), dump(e.X), dump(e.Y))
	case *Between:
		return list(when(e.Not, "not-")+"between", dump(e.X), dump(e.Lo), dump(e.Hi))
	case *In:
		return list(when(e.Not, "not-")+"in", dump(e.X), when(e.List != nil, dumpRow(e.List)), dumpOptional(e.Query),
			dumpOptional(e.Table), dumpOptional(e.Func))
	case *Any:
		return list(when(e.All, "all")+when(!e.All, "any")+opName(e.Op, e.Text), dump(e.X), dumpOptional(e.Query), dumpOptional(e.Array))
	case *Like:
		return list(when(e.Not, "not-")+[...]string{"", "like", "ilike", "glob", "regexp", "match", "similar"}[e.Kind],
			dump(e.X), dump(e.Pattern), opt("escape", e.Escape))
	case *Is:
		return list("is"+when(e.Not, "-not"), dump(e.X), dump(e.Y))
	case *Case:
		return list("case", dumpOptional(e.X), each(e.Whens, func(w When) string { return list("when", dump(w.Cond), dump(w.Then)) }),
			opt("else", e.Else))
	case *Cast:
		return list("cast", dump(e.X), strings.ReplaceAll(e.Type, " ", "-"))
	case *Collate:
		return list("collate", dump(e.X), e.Name)
	case *Func:
		return list(when(e.Schema != "", e.Schema+".")+e.Name+"()"+when(e.Odd, "!"), when(e.Star, "*"), when(e.Distinct, "distinct"), each(e.Args, dumpAny),
			group("order", e.OrderBy, dumpOrder), opt("filter", e.Filter), when(e.Over != nil, "over"+dumpOver(e.Over)))
	case *Exists:
		return list("exists", dump(e.Query))
	case *Subquery:
		return list("scalar", dump(e.Query))
	case *Row:
		return list("row", each(e.Items, dumpAny))
	case *Default:
		return "default"
	case *Raise:
		return "raise:" + e.Action
	case *Array:
		return list("array", each(e.Items, dumpAny), dumpOptional(e.Query))
	case *Subscript:
		return list(when(e.Slice, "slice")+when(!e.Slice, "item"), dump(e.X), each(e.Index, dumpAny))
	case *Field:
		return list("field", dump(e.X), e.Name)
	case *Interval:
		return list("interval", dump(e.X), e.Unit)
	case *Variable:
		return e.Name + when(e.Assign != nil, ":="+dumpOptional(e.Assign))
	case *CurrentOf:
		return "current-of:" + e.Cursor
	case *Opaque:
		return list("opaque:"+strings.ReplaceAll(e.Why, " ", "-"), each(e.Exprs, dumpAny))
	}
	return fmt.Sprintf("%T", e)
}

func dumpOver(w *Window) string {
	if w == nil {
		return ""
	}
	return dumpWindow(w)
}

func opName(op Op, text string) string {
	if op == OpOther && text != "" {
		return strings.ReplaceAll(text, " ", "-")
	}
	return opNames[op]
}

func value(v any) string {
	switch v := v.(type) {
	case catalog.Literal:
		if v.Type == catalog.Numeral {
			return v.Text
		}
		return fmt.Sprintf("%s:%q", v.Type, v.Text)
	case string:
		return fmt.Sprintf("%q", v)
	case []byte:
		return fmt.Sprintf("x'%x'", v)
	case float64:
		return fmt.Sprintf("%vf", v)
	}
	return fmt.Sprint(v)
}
