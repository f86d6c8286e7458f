package sqldep

import "database/sql/driver"

// Expr is an expression.
type Expr interface {
	Node
	expr()
}

// Literal is a constant that was left in the text.
type Literal struct {
	Kind LitKind
	// Value is what the database makes of it: int64, float64, string, []byte,
	// nil for NULL. TRUE and FALSE are int64 1 and 0 on SQLite and MySQL, bool on
	// PostgreSQL. nil for LitCurrent. On PostgreSQL and MySQL a numeral that is no
	// int64, and a LitTyped, is a catalog.Literal.
	Value driver.Value
	Pos   Pos
}

// LitKind is the kind of a literal.
type LitKind uint8

// The kinds of literals.
const (
	LitNull LitKind = iota + 1
	LitInt
	LitFloat // decimals too
	LitString
	LitBlob
	LitBool
	// LitCurrent is CURRENT_DATE, CURRENT_TIME, CURRENT_TIMESTAMP, CURRENT_USER
	// and their like: not a constant at all.
	LitCurrent
	// LitTyped is DATE '2020-01-01' and the like.
	LitTyped
)

// Lifted stands for a literal that was lifted out of the text, so that texts
// that differ in it share one plan: its value is Bound.Literals[Slot], an
// int64, float64, string or []byte as Kind says. Its sign is in the value.
type Lifted struct {
	Slot int
	Kind LitKind // LitInt, LitFloat, LitString or LitBlob
	Pos  Pos
}

// Param is a parameter. Arg finds its argument.
type Param struct {
	// Index is the parameter's number, from 1, as SQLite counts: ?NNN has NNN, a
	// ? or a new name the one after the largest so far.
	Index int
	// Name is the name without its first character; empty for ? and ?NNN.
	Name string
	Pos  Pos
}

// Column is a name that means a column, or something else: an alias of the
// select list, TRUE, a string on SQLite.
type Column struct {
	Schema, Table string // as written; empty without
	Name          string
	// Quoted says that the name alone was in double quotes: where SQLite finds no
	// such column, it takes it for a string with the text of Raw.
	Quoted bool
	Raw    string // the name as written, unquoted, in its own case
	Pos    Pos
}

// Op is an operator.
type Op uint8

// The operators of Unary and Binary. OpOther is any that is not listed, by its
// Text. On PostgreSQL that may be anybody's; see refusal.
const (
	OpOther Op = iota
	OpEq       // = and ==
	OpNe       // <> and !=
	OpLt
	OpLe
	OpGt
	OpGe
	OpAnd
	OpOr
	OpNot    // unary
	OpNeg    // unary -
	OpPlus   // unary +: on SQLite it takes the column's affinity away
	OpBitNot // unary ~
	OpAdd
	OpSub
	OpMul
	OpDiv
	OpMod
	OpConcat // ||
	OpBitAnd
	OpBitOr
	OpShiftL
	OpShiftR
	OpArrow     // ->
	OpArrowText // ->>
	OpNullEq    // <=>, MySQL
)

// Unary is an operator before one operand.
type Unary struct {
	Op   Op
	X    Expr
	Text string // of OpOther, in lower case
}

// Binary is an operator between two operands.
type Binary struct {
	Op   Op
	X, Y Expr
	Text string // of OpOther, in lower case
}

// Between is X [NOT] BETWEEN Lo AND Hi.
type Between struct {
	Not       bool
	X, Lo, Hi Expr
	Symmetric bool // PostgreSQL: the bounds may be the other way round
}

// In is X [NOT] IN (…). Exactly one of List (perhaps empty, not nil), Query and
// Table is set. PostgreSQL's X = ANY (array) is an Any.
type In struct {
	Not   bool
	X     Expr
	List  []Expr
	Query *Select
	Table *Table     // X IN t
	Func  *TableFunc // X IN f(…)
}

// Any is X op ANY (…) or ALL (…): of a query, or of an array.
type Any struct {
	Op    Op
	Text  string // of OpOther, in lower case: "like", "not ilike", "@>"
	All   bool
	X     Expr
	Query *Select
	Array Expr
}

// Like is X [NOT] LIKE|GLOB|… Pattern [ESCAPE Escape].
type Like struct {
	Not        bool
	Kind       LikeKind
	X, Pattern Expr
	Escape     Expr // nil without
}

// LikeKind is which operator a Like is.
type LikeKind uint8

// The kinds of Like.
const (
	LikeLike LikeKind = iota + 1
	LikeILike
	LikeGlob
	LikeRegexp // a user's function on SQLite
	LikeMatch  // full-text search, or a user's function
	LikeSimilar
)

// Is is X IS [NOT] Y and all its spellings: ISNULL, NOTNULL, NOT NULL, IS [NOT]
// DISTINCT FROM (Not is turned round). Y is a *Literal of LitNull for IS NULL,
// of LitBool for IS TRUE: on SQLite a truth test, not a comparison. Both appear
// so only when the word itself was written.
type Is struct {
	Not  bool
	X, Y Expr
}

// Case is CASE [X] WHEN … THEN … [ELSE Else] END.
type Case struct {
	X     Expr // nil without
	Whens []When
	Else  Expr // nil without
}

// When is one branch of a Case.
type When struct{ Cond, Then Expr }

// Cast is CAST(X AS Type), X::Type, or Type 'X'. Type is in lower case, without
// length; an array's ends in [].
//
// A constant that no Literal is, is a Cast of its text: a bit string to "bit",
// MySQL's hexadecimals to "hex", a string with a character set to that, "_utf8mb4",
// N'x' to "_utf8mb3" or "bpchar".
type Cast struct {
	X    Expr
	Type string
}

// Collate is X COLLATE Name, Name in upper case.
type Collate struct {
	X    Expr
	Name string
}

// Func is a function call.
type Func struct {
	Schema   string // PostgreSQL
	Name     string
	Args     []Expr
	Star     bool // f(*)
	Distinct bool
	OrderBy  []Order // inside the parentheses, or WITHIN GROUP
	Filter   Expr    // nil without
	// Over is nil without OVER. OVER name has a Window with Base only.
	Over *Window
	// Odd says that something in the parentheses is not in Args.
	Odd bool
	// Own says that the catalog of PostgreSQL has an aggregate of that name which is
	// not the server's, or a function of rows.
	Own bool
	Pos Pos
}

// Window is what OVER and WINDOW hold.
type Window struct {
	Base      string // an earlier window's name
	Partition []Expr
	OrderBy   []Order
	// Frame holds the bounds' expressions, if there are any.
	Frame []Expr
}

// Exists is EXISTS (…); NOT EXISTS is a Unary around it.
type Exists struct{ Query *Select }

// Subquery is a query as a value: a scalar, or a row.
type Subquery struct{ Query *Select }

// Row is a row value (a, b).
type Row struct{ Items []Expr }

// Default is the word DEFAULT in a row of VALUES or in SET.
type Default struct{ Pos Pos }

// Raise is RAISE(…) in a trigger's body.
type Raise struct{ Action string }

// Array is PostgreSQL's ARRAY[…] or ARRAY(query). Of an array in an array the
// inner one is an Array, too.
type Array struct {
	Items []Expr
	Query *Select // nil without
}

// Subscript is an array's element X[i], or with Slice set a part X[i:j], of
// which bounds may be missing.
type Subscript struct {
	X     Expr
	Index []Expr
	Slice bool
}

// Field is a composite's field, (X).Name. Name is "*" for all of them.
type Field struct {
	X    Expr
	Name string
}

// Interval is MySQL's INTERVAL X unit. PostgreSQL's is a *Cast.
type Interval struct {
	X    Expr
	Unit string // in lower case
}

// Variable is MySQL's @name, @@name and @name := Assign.
type Variable struct {
	Name   string // with its @s, in lower case
	Assign Expr   // nil without
}

// CurrentOf is WHERE CURRENT OF cursor.
type CurrentOf struct{ Cursor string }

// Opaque is an expression that was not understood, with what could be
// understood of it. It may yield anything, and may do anything that its tokens
// allow: a read with an Opaque in it is not cached unless the analyst knows
// better, and no atom comes of it.
type Opaque struct {
	Exprs []Expr
	Why   string
}

func (*Literal) node()   {}
func (*Lifted) node()    {}
func (*Param) node()     {}
func (*Column) node()    {}
func (*Unary) node()     {}
func (*Binary) node()    {}
func (*Between) node()   {}
func (*In) node()        {}
func (*Any) node()       {}
func (*Like) node()      {}
func (*Is) node()        {}
func (*Case) node()      {}
func (*Cast) node()      {}
func (*Collate) node()   {}
func (*Func) node()      {}
func (*Exists) node()    {}
func (*Subquery) node()  {}
func (*Row) node()       {}
func (*Default) node()   {}
func (*Raise) node()     {}
func (*Array) node()     {}
func (*Subscript) node() {}
func (*Field) node()     {}
func (*Interval) node()  {}
func (*Variable) node()  {}
func (*CurrentOf) node() {}
func (*Opaque) node()    {}

func (*Literal) expr()   {}
func (*Lifted) expr()    {}
func (*Param) expr()     {}
func (*Column) expr()    {}
func (*Unary) expr()     {}
func (*Binary) expr()    {}
func (*Between) expr()   {}
func (*In) expr()        {}
func (*Any) expr()       {}
func (*Like) expr()      {}
func (*Is) expr()        {}
func (*Case) expr()      {}
func (*Cast) expr()      {}
func (*Collate) expr()   {}
func (*Func) expr()      {}
func (*Exists) expr()    {}
func (*Subquery) expr()  {}
func (*Row) expr()       {}
func (*Default) expr()   {}
func (*Raise) expr()     {}
func (*Array) expr()     {}
func (*Subscript) expr() {}
func (*Field) expr()     {}
func (*Interval) expr()  {}
func (*Variable) expr()  {}
func (*CurrentOf) expr() {}
func (*Opaque) expr()    {}
