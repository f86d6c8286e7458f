package sqldep

import (
	"database/sql/driver"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/cacheops/cacheops/internal/catalog"
)

// verdict is what the syntax of a statement of PostgreSQL or MySQL says against
// caching its result.
type verdict struct {
	why string
	// writes: it may change any table, by a function that nobody vouches for.
	writes bool
	// timed: an argument that is a date may stand beside a time of day.
	timed bool
}

func (v *verdict) any() bool { return v.why != "" || v.writes }

// refusal looks through a tree, or a view's body, for what must not be cached
// wherever it stands. It knows the nodes that only these dialects have; whether
// the analyses do is theirs to say.
func refusal(tree Statement, cat *catalog.Catalog) *verdict {
	a := &syntax{cat: cat, d: cat.Dialect}
	if cat.OddCasts {
		a.refuse("a cast calls a function that is not known to be pure")
		a.writes = true
	}
	for _, op := range [...]string{"=", "<>", "<", "<=", ">", ">=", "~~", "!~~", "~~*", "!~~*"} {
		if cat.OddOperators[op] { // IN, BETWEEN, LIKE and DISTINCT use them unseen
			a.operator(op)
		}
	}
	a.tree = tree
	Walk(tree, a.node)
	a.timesOfDay()
	return &a.verdict
}

// syntax is the state of a refusal.
type syntax struct {
	verdict
	cat  *catalog.Catalog
	d    catalog.Dialect
	tree Statement
	// dates holds what datedColumn found.
	dates map[string]bool
	// views are those whose bodies were looked at, guards the tables whose policies
	// were.
	views, guards map[*catalog.Table]bool
	// policy is the text of the policy that is being looked at, empty elsewhere.
	policy string
}

// refuse notes a reason. The first one stays.
func (a *syntax) refuse(why string) {
	if a.why == "" {
		a.why = why
	}
}

func (a *syntax) each(es ...Expr) bool {
	for _, e := range es {
		Walk(e, a.node)
	}
	return false
}

func (a *syntax) node(n Node) bool {
	switch n := n.(type) {
	case *Select:
		a.query(n)
	case *CTE:
		if n.Search != nil {
			a.refuse("SEARCH or CYCLE")
		}
	case *OddFrom:
		if n.Why == "TABLESAMPLE" || n.Why == "FOR SYSTEM_TIME" {
			a.refuse(n.Why)
		}
	case *TableFunc:
		a.function(n.Schema, n.Name, len(n.Args))
	case *Table:
		if t, ok := a.cat.Lookup(n.Schema, n.Name); ok {
			a.view(t)
			a.policies(t)
		}
	case Expr:
		return a.expr(n)
	}
	return true
}

// view looks at the functions that a view's body calls, and those under it: a
// read of the view calls them. It goes by the body's words, because a body that
// is not understood calls functions all the same.
func (a *syntax) view(t *catalog.Table) {
	if !t.IsView || a.views[t] {
		return
	}
	if a.views == nil {
		a.views = make(map[*catalog.Table]bool)
	}
	a.views[t] = true
	if t.View == "" {
		a.refuse("view " + t.Bare + " cannot be read")
		a.writes = a.writes || t.Base == nil
		return
	}
	l := lexer{src: t.View, d: a.d}
	toks := l.lex(nil)
	c := classifier{src: t.View, d: a.d, toks: viewQuery(toks)}
	if l.murky || bad(toks) || c.calls() {
		a.refuse("view " + t.Bare + " calls a function that is not known to be pure")
		a.writes = true
	}
	for _, below := range named(t.View, toks, a.cat) {
		a.view(below)
		a.policies(below)
	}
}

func (a *syntax) query(s *Select) {
	if s.Lock != "" {
		a.refuse("locks rows (" + s.Lock + ")")
	}
	if s.Into {
		a.refuse("SELECT INTO")
	}
	for _, c := range s.Cores {
		if c.FoundRows {
			a.refuse("counts rows for the session")
		}
	}
	for _, o := range s.OrderBy {
		if o.Using != "" {
			a.operator(o.Using)
		}
	}
}

func (a *syntax) expr(e Expr) bool {
	switch e := e.(type) {
	case *Literal:
		a.literal(e)
	case *Unary:
		a.operatorOf(e.Op, e.Text)
	case *Binary:
		a.operatorOf(e.Op, e.Text)
	case *Any:
		a.operatorOf(e.Op, e.Text)
	case *Cast:
		a.cast(e)
	case *Func:
		nargs := len(e.Args)
		if e.Star {
			nargs = -1
		}
		e.Own = a.cat.RowFunctions[strings.ToLower(e.Name)]
		a.function(e.Schema, e.Name, nargs)
		if e.Odd {
			a.refuse("arguments of " + e.Name + " not understood")
		}
		return a.callParts(e)
	case *Variable:
		a.refuse("a variable of the session")
		return a.each(e.Assign)
	case *Array:
		if e.Query != nil {
			Walk(e.Query, a.node)
		}
		return a.each(e.Items...)
	case *Subscript:
		return a.each(append([]Expr{e.X}, e.Index...)...)
	case *Field:
		if a.cat.RowFunctions[strings.ToLower(e.Name)] {
			a.function("", e.Name, 1)
		}
		return a.each(e.X)
	case *Interval:
		return a.each(e.X)
	case *CurrentOf:
		return false
	case *Opaque:
		a.refuse("expression not understood: " + e.Why)
	}
	return true
}

func (a *syntax) callParts(f *Func) bool {
	a.each(f.Args...)
	for i := range f.OrderBy {
		a.each(f.OrderBy[i].Expr)
		if f.OrderBy[i].Using != "" {
			a.operator(f.OrderBy[i].Using)
		}
	}
	a.each(f.Filter)
	if f.Over != nil {
		a.each(f.Over.Partition...)
		for i := range f.Over.OrderBy {
			a.each(f.Over.OrderBy[i].Expr)
		}
		a.each(f.Over.Frame...)
	}
	return false
}

func (a *syntax) literal(l *Literal) {
	switch v := l.Value.(type) {
	case nil:
		if l.Kind == LitCurrent && !a.asksWho(int(l.Pos)) {
			a.refuse("asks for the current time or user")
		}
	case string:
		if a.d == catalog.PostgreSQL && clockText(v) {
			a.refuse("a text that may ask the clock")
		}
	case catalog.Literal:
		switch {
		case v.Type == catalog.Numeral:
		case a.d == catalog.MySQL && v.Type == "time":
			a.refuse("a time, before which today's date may be put")
		case a.d == catalog.PostgreSQL && clockText(v.Text):
			a.refuse("a text that may ask the clock")
		case a.d == catalog.PostgreSQL && !plainType(v.Type):
			a.foreign(v.Type)
		}
	}
}

// function refuses a call whose result is not a matter of its arguments alone.
func (a *syntax) function(schema, name string, nargs int) {
	switch {
	case schema != "" && schema != "pg_catalog":
		a.writes = a.writes || a.policy == ""
	case a.cat.PureFunction(name, nargs) && (a.d == catalog.MySQL || !a.cat.Functions[name] || schema == ""):
		return
	case syntaxFunction(a.d, name), a.policy != "" && whoFunctions[name]:
		return
	case !harmlessFunction(a.d, name):
		a.writes = a.writes || a.policy == "" // the catalog tells of a policy's: Table.PolicyWrites
	}
	a.refuse("calls " + name + ", which is not known to be pure")
}

// syntaxFunction reports what the parser makes a call of and no catalog knows.
// MySQL's DEFAULT(a) evaluates the default, which may be RAND() or NOW().
func syntaxFunction(d catalog.Dialect, name string) bool {
	return name == "values" || name == "default" && d != catalog.MySQL
}

var symbols = map[Op]string{
	OpEq: "=", OpNe: "<>", OpLt: "<", OpLe: "<=", OpGt: ">", OpGe: ">=", OpNeg: "-", OpPlus: "+", OpBitNot: "~",
	OpAdd: "+", OpSub: "-", OpMul: "*", OpDiv: "/", OpMod: "%", OpConcat: "||", OpBitAnd: "&", OpBitOr: "|",
	OpShiftL: "<<", OpShiftR: ">>", OpArrow: "->", OpArrowText: "->>",
}

func (a *syntax) operatorOf(op Op, text string) {
	if a.d != catalog.PostgreSQL || op == OpAnd || op == OpOr || op == OpNot {
		return
	}
	if op != OpOther {
		text = symbols[op]
	}
	a.operator(text)
}

// operator refuses PostgreSQL's operators that may call anything.
func (a *syntax) operator(text string) {
	if strings.HasPrefix(text, "is ") { // a test of a value's kind
		return
	}
	name := text
	if i := strings.LastIndexByte(text, '.'); i >= 0 {
		name = text[i+1:]
		if text[:i] != "pg_catalog" {
			a.refuse("the operator " + text + " is not known to be pure")
			a.writes = true
			return
		}
	}
	if a.cat.OddOperators[name] || !builtinOperators[name] && (a.cat.OddOperators == nil || a.cat.Immutable == nil) {
		a.refuse("the operator " + name + " is not known to be pure")
		a.writes = true
	}
}

// builtinOperators are PostgreSQL's own, by sign, and what the parser makes an
// operator of. Where the catalog was read, it tells of the others.
var builtinOperators = func() map[string]bool {
	m := map[string]bool{}
	for _, op := range strings.Fields(`= <> != < <= > >= + - * / % ^ |/ ||/ @ & | # ~ << >> || ~~ !~~ ~~* !~~* !~ ~* !~*
		-> ->> #> #>> @> <@ ? ?| ?& @? @@ #- && -|- &< &> <<| |>> &<| |&> <-> ## ?- ?# ?-| ?|| @-@ ~= ^@ <<= >>= !! @@@
		~<~ ~<=~ ~>~ ~>=~ <^ >^ *= *<> *< *<= *> *>=`) {
		m[op] = true
	}
	for _, word := range []string{
		"like", "not like", "ilike", "not ilike", "overlaps", "rollup", "cube", "grouping sets", "with ties",
	} {
		m[word] = true
	}
	return m
}()

// cast refuses what may ask the clock or the catalog, or call a function.
func (a *syntax) cast(c *Cast) {
	t := strings.TrimRight(strings.TrimPrefix(c.Type, "pg_catalog."), "[]")
	switch {
	case a.d == catalog.PostgreSQL && !plainType(t):
		a.foreign(t)
	case a.d == catalog.MySQL && t == "time", timeType(t) && !a.dated(c.X):
		a.refuse("what is cast to " + t + " may ask the clock")
	}
}

// foreign refuses a conversion to a type that is not the server's own. A domain's
// check may write.
func (a *syntax) foreign(t string) {
	a.refuse("the type " + t + " is not known to be plain")
	a.writes = a.writes || a.cat.OddDomains
}

// plainType reports whether a type of PostgreSQL is built in, and a text's
// conversion to it a matter of the text and of settings that keys hold.
func plainType(t string) bool {
	switch t {
	case "int2", "int4", "int8", "smallint", "int", "integer", "bigint", "numeric", "decimal", "dec", "real", "float4",
		"float8", "float", "double precision", "text", "varchar", "char", "character", "character varying", "char varying",
		"national character", "national char", "national character varying", "national char varying", "nchar", "bpchar",
		"bytea", "bool", "boolean", "uuid", "json", "jsonb", "jsonpath", "inet", "cidr", "macaddr", "macaddr8", "bit",
		"varbit", "bit varying", "point", "line", "lseg", "box", "path", "polygon", "circle", "tsvector", "tsquery",
		"int4range", "int8range", "numrange", "tsrange", "tstzrange", "daterange", "oid", "interval", "date", "time",
		"timestamp", "timestamptz", "timestamp with time zone", "name", "xml":
		return true
	}
	return false
}

// timeType reports whether a conversion to a type may ask the clock: for
// PostgreSQL of a text, for MySQL of a TIME, before which it puts today's date.
func timeType(t string) bool {
	switch t {
	case "date", "time", "timetz", "timestamp", "timestamptz", "timestamp with time zone", "time with time zone",
		"tsrange", "tstzrange", "daterange", "datetime":
		return true
	}
	return false
}

// dated reports whether an expression certainly is no text that says "now", and
// no time of day.
func (a *syntax) dated(e Expr) bool {
	switch e := e.(type) {
	case *Literal:
		return e.Kind != LitCurrent && e.Kind != LitTyped // its text was looked at
	case *Lifted, *Param:
		return true // see lifter.special and Bound.AsksClock
	case *Cast:
		return timeType(e.Type) && e.Type != "time" && a.dated(e.X)
	case *Binary:
		return (e.Op == OpAdd || e.Op == OpSub) && a.dated(e.X)
	case *Func:
		switch e.Name {
		case "date_trunc", "to_timestamp", "make_date", "make_timestamp", "timezone", "from_unixtime", "str_to_date":
			return true
		case "min", "max", "coalesce", "greatest", "least":
			return len(e.Args) > 0 && !slices.ContainsFunc(e.Args, func(x Expr) bool { return !a.dated(x) })
		}
	case *Column:
		return a.datedColumn(e.Name)
	}
	return false
}

// datedColumn reports whether every column of that name in the tables that the
// statement names holds dates, and nothing else is called so.
func (a *syntax) datedColumn(name string) bool {
	sure, known := a.dates[name]
	if known || len(a.dates) > maxDates {
		return sure
	}
	if a.dates == nil {
		a.dates = make(map[string]bool)
	}
	a.dates[name] = a.findDated(name)
	return a.dates[name]
}

// maxDates bounds the names that are looked for, each through the whole tree.
const maxDates = 100

func (a *syntax) findDated(name string) bool {
	found, sure := false, true
	Walk(a.tree, func(n Node) bool {
		switch n := n.(type) {
		case *Core:
			for i := range n.Columns {
				sure = sure && n.Columns[i].Alias != name
			}
		case *CTE:
			sure = sure && !slices.Contains(n.Columns, name)
		case *SubFrom:
			sure = sure && !slices.Contains(n.Columns, name)
		case *TableFunc, *OddFrom:
			sure = false
		case *Table:
			if t, ok := a.cat.Lookup(n.Schema, n.Name); ok {
				if c, ok := t.Column(name); ok {
					found = true
					sure = sure && dateKind(c) && n.Columns == nil
				}
			}
		}
		return sure
	})
	return found && sure
}

func dateKind(c *catalog.Column) bool {
	switch c.Form.Kind {
	case catalog.Date, catalog.Timestamp, catalog.Instant:
		return true
	}
	return false
}

// clockText reports whether PostgreSQL may take a text for a time that the clock
// tells: one with the word now, today, tomorrow or yesterday in it that is not
// too long for a time.
func clockText(s string) bool {
	if len(s) < 3 || len(s) > 160 {
		return false
	}
	for i := 0; i < len(s); {
		start := i
		for i < len(s) && byteClass[s[i]]&bLetter != 0 && s[i] != '_' {
			i++
		}
		if w := s[start:i]; len(w) >= 3 {
			for _, clock := range [...]string{"now", "today", "tomorrow", "yesterday"} {
				if equalFold(w, clock) {
					return true
				}
			}
		}
		if i == start {
			i++
		}
	}
	return false
}

// MayAskClock reports whether AsksClock is true for some arguments.
func (b Bound) MayAskClock(d catalog.Dialect) bool {
	return d == catalog.PostgreSQL || b.Plan != nil && b.timed
}

// AsksClock reports whether an argument is a text that PostgreSQL may take for a
// time that the clock tells: 'now', 'today 10:00'. A read with one is not
// cached, for what type the server gives its parameters is not known here. On
// MySQL it is a date beside a time of day.
//
// It need not be asked where [Bound.MayAskClock] denies.
func (b Bound) AsksClock(d catalog.Dialect, args []driver.NamedValue) bool {
	if d != catalog.PostgreSQL {
		return b.MayAskClock(d) && slices.ContainsFunc(args, func(a driver.NamedValue) bool {
			_, dated := a.Value.(time.Time)
			return dated
		})
	}
	for i := range args {
		switch v := args[i].Value.(type) {
		case string:
			if clockText(v) {
				return true
			}
		case []byte:
			if len(v) <= 160 && clockText(string(v)) {
				return true
			}
		case nil, int64, float64, bool, time.Time:
		default:
			if clockValue(reflect.ValueOf(v)) {
				return true
			}
		}
	}
	return false
}

// clockValue is clockText for texts of a program's own types, and for arrays of
// them. Of what a value hides nothing is known: its driver makes the text.
func clockValue(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		return clockText(v.String())
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if clockValue(v.Index(i)) {
				return true
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.Kind() != reflect.Pointer && clockValue(f) {
				return true
			}
		}
	case reflect.Pointer, reflect.Interface:
		return !v.IsNil() && clockValue(v.Elem())
	}
	return false
}
