package fuzz

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Rows that move from one cached list to another are rare among random
// statements, and with them whatever a write's images alone decide. So there are
// two tables without constraints, the stage and its wings, on which scenes are
// played: reads that are cached, a write aimed at them, and the reads again. They
// are tables like the others besides.

// props are how a server spells what scenes need.
type props struct {
	// tables makes the stage and the wings, with a key that numbers from 100, and
	// what belongs to them: a view of the stage, a procedure that writes to it.
	tables []string
	// joined is a text joined with nothing, so that no plan knows what comes of it.
	joined func(lit string) string
	// view defines the view anew, over a table.
	view func(table string) string
	// hook has an update of the stage put wing 1 into cat, unhook has it no more.
	hook   func(cat string) []string
	unhook []string
	// tie has the wings refer to the stage, untie has them not.
	tie, untie string
	// start gives the stage's column cat another default.
	start func(cat string) string
	// replaces is the end of an INSERT that updates the row in its way.
	replaces func(col string) string
	// bulk makes the statement that loads rows of id, cat and code from the client,
	// and says in which cat they are. copier is the session that can, -1 for all.
	bulk   func(r *rand.Rand) (op Op, cat int64)
	copier int
	// schemaInTx: a change of the schema is part of a transaction.
	schemaInTx bool
}

// stageColumns are those that scenes move rows by.
var stageColumns = []column{
	{name: "cat", kind: kInt}, {name: "cat", kind: kInt}, {name: "code", kind: kText}, {name: "code", kind: kText}, {name: "word", kind: kText}, {name: "price", kind: kDecimal},
}

func stageTable(name string) *table {
	return &table{name: name, id: "integer", keys: [][]string{{"id"}}, cols: []column{
		{name: "id", kind: kID}, {name: "cat", kind: kInt}, {name: "code", kind: kText}, {name: "word", kind: kText}, {name: "qty", kind: kInt}, {name: "price", kind: kDecimal}, {name: "ref", kind: kID},
	}}
}

// setStage adds the tables to a schema.
func (s *schema) setStage() {
	for i, text := range s.d.props.tables {
		if s.do(text) && i < 2 {
			s.tables = append(s.tables, stageTable([]string{"stage", "wings"}[i]))
		}
	}
}

// scene is one in the making: w writes, b and c read, in sessions with no
// transaction and nothing of their own.
type scene struct {
	*generator
	w, b, c int
	watched []Op
}

// play adds a scene.
func (g *generator) play() {
	idle := g.idle()
	if len(idle) < 3 {
		return
	}
	s := &scene{generator: g, w: idle[0], b: idle[1], c: idle[2]}
	if chance(g.r, 15) {
		s.shift()
		return
	}
	s.move()
}

// idle lists sessions that are like new, in a random order. Transactions of the
// others may hold the rows of the stage.
func (g *generator) idle() (list []int) {
	for _, i := range g.r.Perm(g.size.Sessions) {
		if g.tx[i].open {
			g.finish(i)
		}
		if !g.changed[i] {
			list = append(list, i)
		}
	}
	return list
}

// exec adds a write by session i.
func (s *scene) exec(i int, class, text string, args ...any) {
	s.add(Op{Session: i, Action: Exec, SQL: text, Args: args, Class: class, Prepared: len(args) > 0 && chance(s.r, 10)})
}

// watch has the first reader read what will be asked again.
func (s *scene) watch(text string, args ...any) {
	op := Op{Action: Query, SQL: text, Args: args, Class: "scene", Read: true}
	s.watched = append(s.watched, op)
	for range 2 {
		op.Session = s.b
		s.add(op)
	}
}

// look asks everything again, of both readers.
func (s *scene) look() {
	for _, op := range s.watched {
		for _, i := range []int{s.b, s.c} {
			op.Session = i
			s.add(op)
		}
	}
}

// arg writes a value into the statement or binds it as its next argument.
func (s *scene) arg(args *[]any, v any) string {
	if chance(s.r, 25) {
		return s.d.literal(v)
	}
	*args = append(*args, v)
	place, _ := s.d.styles[0].place(len(*args), v)
	return place
}

// list watches the rows of a table with a value, in one of many ways.
func (s *scene) list(table, col string, v any) {
	var args []any
	if word, ok := v.(string); ok && col != "price" && chance(s.r, 40) {
		v = pick(s.r, padded(word)) // to some columns the same
	}
	what := pick(s.r, []string{"id", "*", "count(*)", "count(*)", "id, qty", "max(id)"})
	where := col + " = " + s.arg(&args, v)
	switch s.r.IntN(6) {
	case 0:
		where = col + " IN (" + s.arg(&args, v) + ", " + s.arg(&args, v) + ")"
	case 1:
		where += " AND id < 1000"
	}
	s.watch("SELECT "+what+" FROM "+table+" WHERE "+where, args...)
}

// padded are a word with spaces at its end and without.
func padded(word string) []string {
	word = strings.TrimRight(word, " ")
	return []string{word, word + " ", word + "  "}
}

// two takes two values of a kind, neither of them NULL.
func (s *scene) two(k kind) (from, to any) {
	if k == kText && chance(s.r, 50) {
		i := s.r.IntN(2)
		return pick(s.r, padded([]string{"a", "b"}[i])), pick(s.r, padded([]string{"b", "a"}[i]))
	}
	for {
		from, to = s.d.plain(s.r, k), s.d.plain(s.r, k)
		_, a := from.(int64)
		_, b := to.(int64)
		switch {
		case k == kInt && a && b && from != to:
			return from, to
		case k != kInt && !a && !b && fmt.Sprint(from) != fmt.Sprint(to) && fmt.Sprint(to) != "NaN":
			return from, to
		}
	}
}

// move moves a row from one list that is cached into another one.
func (s *scene) move() {
	t, c, id := "stage", pick(s.r, stageColumns), int64(1+s.r.IntN(14))
	if chance(s.r, 20) {
		t = "wings"
	}
	from, to := s.two(c.kind)
	if chance(s.r, 30) {
		s.exec(s.w, "write", "INSERT INTO "+t+" (id) VALUES ("+s.d.literal(id)+")") // unless it is there
	}
	s.exec(s.w, "write", "UPDATE "+t+" SET "+c.name+" = "+s.d.literal(from)+" WHERE id = "+s.d.literal(id))
	s.list(t, c.name, to)
	if chance(s.r, 60) {
		s.list(t, c.name, from)
	}
	if chance(s.r, 30) {
		s.watch("SELECT " + pick(s.r, []string{c.name, "*", "qty"}) + " FROM " + t + " WHERE id = " + s.d.literal(id))
	}
	if t == "stage" && s.r.IntN(10) < 3 {
		s.enter(c, id, to)
	} else {
		s.update(t, c, id, from, to)
	}
	s.look()
}

// update moves the row, alone or in a transaction, at once or by way of others.
func (s *scene) update(t string, c column, id int64, from, to any) {
	inTx := chance(s.r, 35)
	if inTx {
		s.add(Op{Session: s.w, Action: Begin})
		switch s.r.IntN(4) {
		case 0:
			s.set(t, "qty", "qty + 1", id)
		case 1:
			s.set(t, c.name, s.d.literal(s.d.plain(s.r, c.kind)), id)
			s.set(t, c.name, s.d.literal(from), id)
		case 2:
			s.exec(s.w, "write", "SAVEPOINT sc")
			s.set(t, c.name, s.d.literal(s.d.plain(s.r, c.kind)), id)
			s.exec(s.w, "write", "ROLLBACK TO SAVEPOINT sc")
		}
	}
	if chance(s.r, 20) { // in its list it becomes another one
		s.set(t, "qty", "qty + 1", id)
	} else {
		s.set(t, c.name, s.becoming(c, from, to), id)
	}
	if inTx {
		s.add(Op{Session: s.w, Action: Commit})
	}
}

// becoming is what a column is set to: mostly what only the row itself tells.
func (s *scene) becoming(c column, from, to any) string {
	lit := s.d.literal(to)
	n, ok := to.(int64)
	switch {
	case chance(s.r, 25):
		return lit
	case ok && chance(s.r, 60):
		return fmt.Sprintf("%s + %d", c.name, n-from.(int64))
	case ok && chance(s.r, 40):
		return fmt.Sprintf("%s - %d", c.name, from.(int64)-n)
	case c.kind == kText && chance(s.r, 60):
		return s.d.props.joined(lit)
	}
	if c.kind == kDecimal {
		lit = strings.Trim(lit, "'")
	}
	return pick(s.r, []string{"coalesce(NULL, " + lit + ")", "CASE WHEN id > 0 THEN " + lit + " END", "(SELECT " + lit + ")"})
}

// set updates one row, mostly by its key.
func (s *scene) set(t, col, value string, id int64) {
	var args []any
	head := "UPDATE " + t + " SET " + col + " = " + value + " WHERE "
	where := "id = " + s.arg(&args, id)
	switch s.r.IntN(10) {
	case 0:
		where = "id IN (" + s.d.literal(id) + ")"
		args = nil
	case 1:
		where += " AND id > 0"
	case 2:
		if s.d == postgres {
			where += " RETURNING " + pick(s.r, []string{"id", "*", "qty"})
		}
	}
	s.exec(s.w, "write", head+where, args...)
}

// enter brings new rows into a list.
func (s *scene) enter(c column, id int64, to any) {
	lit, p := s.d.literal(to), s.d.props
	switch s.r.IntN(6) {
	case 0, 1: // several rows, whose keys the server makes
		others := []string{"(" + s.d.literal(s.d.plain(s.r, c.kind)) + ", 1)", "(" + lit + ", 2)", "(" + s.d.literal(s.d.plain(s.r, c.kind)) + ", 3)"}
		s.r.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
		s.add(Op{
			Session: s.w, Action: Query, Class: "returning",
			SQL: "INSERT INTO stage (" + c.name + ", qty) VALUES " + strings.Join(others, ", ") + " RETURNING " + pick(s.r, []string{"id", "*", "qty, id", c.name}),
		})
	case 2:
		s.exec(s.w, "write", fmt.Sprintf("INSERT INTO stage (id, %s) VALUES (%d, %s), (%d, %s)%s", c.name, id, lit, 1+id%14, lit, p.replaces(c.name)))
	case 3:
		s.exec(s.w, "write", fmt.Sprintf("CALL place(%d, %d)", id, s.cat()))
		s.changed[s.w] = true
	default:
		op, cat := p.bulk(s.r)
		s.list("stage", "cat", cat)
		op.Session = s.w
		if p.copier >= 0 && chance(s.r, 80) && !s.changed[p.copier] {
			op.Session = p.copier
		}
		s.add(op)
	}
}

// cat takes a number, and has its list watched.
func (s *scene) cat() int64 {
	n := int64(s.r.IntN(7))
	s.list("stage", "cat", n)
	return n
}

// shift changes the schema under cached reads and under plans of other caches,
// and then rows that only the new schema ties to those reads.
func (s *scene) shift() {
	p, n := s.d.props, s.d.literal(int64(s.r.IntN(7)))
	id := s.d.literal(int64(1 + s.r.IntN(14)))
	switch s.r.IntN(5) {
	case 0, 1:
		over, under := "stage", "wings"
		if chance(s.r, 50) {
			over, under = under, over
		}
		s.alterIn(p.view(under))
		s.watch(pick(s.r, []string{"SELECT * FROM scenery", "SELECT count(*) FROM scenery WHERE cat = " + n, "SELECT id FROM scenery WHERE id = " + id}))
		s.alterIn(p.view(over))
		s.look() // with plans that the change has outdated
		s.exec(s.w, "write", "INSERT INTO "+over+" (id, cat) VALUES ("+id+", "+n+")")
		s.exec(s.w, "write", "UPDATE "+over+" SET cat = "+pick(s.r, []string{n, "cat + 1"})+" WHERE id = "+id)
	case 2:
		s.watch("SELECT count(*) FROM wings WHERE cat = " + n)
		s.watch("SELECT id FROM stage WHERE id = " + id)
		s.alterIn(p.hook(n)...)
		s.exec(s.c, "write", "INSERT INTO wings (id, cat) VALUES (1, NULL)")
		s.exec(s.c, "write", "UPDATE stage SET qty = qty + 1 WHERE id = "+id)
		s.look()
		s.alterIn(p.unhook...)
	case 3:
		s.exec(s.w, "write", "UPDATE wings SET ref = NULL")
		s.alterIn(p.tie)
		s.watch("SELECT count(*) FROM wings WHERE ref = " + id)
		s.exec(s.c, "write", "INSERT INTO stage (id) VALUES ("+id+")")
		s.exec(s.c, "write", "UPDATE wings SET ref = "+id+" WHERE id = "+s.d.literal(int64(1+s.r.IntN(14))))
		s.look()
		s.exec(s.c, "write", "DELETE FROM stage WHERE id = "+id)
		s.look()
		s.alterIn(p.untie)
	case 4:
		s.alterIn(p.start(n))
		s.watch("SELECT count(*) FROM stage WHERE cat = " + n)
		s.watch("SELECT * FROM stage WHERE id = " + id)
		if chance(s.r, 30) {
			text, done := s.schema.addColumn(s.schema.named("stage"))
			if s.alterIn(text) {
				done()
			}
		}
		m := s.d.literal(int64(s.r.IntN(7)))
		s.alterIn(p.start(m))
		s.watch("SELECT count(*) FROM stage WHERE cat = " + m)
		s.exec(s.c, "write", "INSERT INTO stage (qty) VALUES (1)")
	}
	s.look()
}

func (s *schema) named(name string) *table {
	for _, t := range s.tables {
		if t.name == name {
			return t
		}
	}
	return s.base()
}

// alterIn changes the schema, in a transaction where that makes a difference.
func (s *scene) alterIn(texts ...string) (took bool) {
	inTx := s.d.props.schemaInTx && chance(s.r, 50)
	if inTx {
		s.add(Op{Session: s.w, Action: Begin})
	}
	for _, text := range texts {
		took = s.scratch.do(text)
		s.add(Op{Session: s.w, Action: Exec, SQL: text, Class: "ddl"})
	}
	if inTx {
		s.add(Op{Session: s.w, Action: Commit})
	}
	return took
}
