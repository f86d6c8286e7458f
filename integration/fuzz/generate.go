package fuzz

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strings"

	// The scratch database that keeps the generator honest.
	_ "modernc.org/sqlite"
)

// Size says how long a script is. Zero fields take the defaults.
type Size struct {
	Ops      int // steps; 500
	Sessions int // 4
	Reads    int // different reads; 24
}

func (z Size) defaults() Size {
	if z.Ops == 0 {
		z.Ops = 500
	}
	if z.Sessions == 0 {
		z.Sessions = 4
	}
	if z.Reads == 0 {
		z.Reads = 24
	}
	return z
}

// Generate makes the script of a seed. The same seed and size give the same
// script.
func Generate(seed uint64, size Size) (*Script, error) {
	scratch, err := openScratch()
	if err != nil {
		return nil, err
	}
	defer scratch.close()
	g := newGenerator(lite, seed, size, scratch)
	g.pragmas()
	g.run()
	return g.script, nil
}

// scratch is an empty copy of the database under generation: it tells which
// statements the database takes.
type scratch struct {
	db       *sql.DB
	conn     *sql.Conn
	prepares bool // to prepare a statement tells as much as EXPLAIN
}

func openScratch() (*scratch, error) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(context.Background())
	if err != nil {
		return nil, err
	}
	return &scratch{db: db, conn: conn}, nil
}

func (s *scratch) close() {
	s.conn.Close()
	s.db.Close()
}

func (s *scratch) do(text string) bool {
	_, err := s.conn.ExecContext(context.Background(), text)
	return err == nil
}

// takes reports whether a statement is valid under the present schema.
func (s *scratch) takes(text string, args []any) bool {
	if s.prepares {
		st, err := s.conn.PrepareContext(context.Background(), text)
		return err == nil && st.Close() == nil
	}
	rows, err := s.conn.QueryContext(context.Background(), "EXPLAIN "+text, args...)
	if err != nil {
		return false
	}
	return rows.Close() == nil
}

// reading is a read with the few tuples of values that it is executed with.
type reading struct {
	st     *statement
	tuples [][]any
}

type generator struct {
	d       *dialect
	r       *rand.Rand
	size    Size
	scratch *scratch
	schema  *schema
	script  *Script
	reads   []reading
	// The reads of the moment, which most queries are taken from.
	hot []heat
	// Of the sessions: what transaction each is in.
	tx []txState
	// changed are the sessions that an oddity was done to.
	changed []bool
}

// heat is a reading with one of its tuples of values.
type heat struct {
	rd   reading
	vals []any
}

type txState struct {
	open  bool
	api   bool
	saves int
}

// pragmas decides on SQLite's settings.
func (g *generator) pragmas() {
	r := g.r
	if chance(r, 60) {
		g.script.Pragmas = append(g.script.Pragmas, "foreign_keys(1)")
	}
	if chance(r, 15) {
		g.script.Pragmas = append(g.script.Pragmas, "recursive_triggers(1)")
	}
	if chance(r, 10) {
		g.script.Pragmas = append(g.script.Pragmas, "case_sensitive_like(1)")
	}
}

// prepare makes the schema, its rows and the pool of reads.
func (g *generator) prepare() {
	r := g.r
	g.schema = makeSchema(g.d, r, g.scratch.do)
	g.script.Setup = append(g.script.Setup, g.schema.ddl...)
	for _, t := range g.schema.tables {
		if !t.view {
			g.script.Setup = append(g.script.Setup, g.schema.rows(t, 6+r.IntN(14))...)
		}
	}
	g.fillReads()
}

func (g *generator) run() {
	g.prepare()
	r := g.r
	g.tx = make([]txState, g.size.Sessions)
	for len(g.script.Ops) < g.size.Ops {
		g.step(r.IntN(g.size.Sessions))
	}
	for i, tx := range g.tx {
		if tx.open {
			g.finish(i)
		}
	}
	for _, rd := range g.reads {
		g.query(0, rd)
	}
}

// fillReads keeps the pool of reads full of statements that are valid now.
func (g *generator) fillReads() {
	for try := 0; len(g.reads) < g.size.Reads && try < 20*g.size.Reads; try++ {
		st := g.schema.read()
		rd := reading{st: st}
		for i := 0; i < 3; i++ {
			rd.tuples = append(rd.tuples, st.values(g.r))
		}
		if text, args := st.bind(rd.tuples[0]); g.scratch.takes(text, args) || st.class == "strange" || chance(g.r, 1) {
			g.reads = append(g.reads, rd)
		}
	}
}

func (g *generator) add(op Op) { g.script.Ops = append(g.script.Ops, op) }

func (g *generator) step(i int) {
	tx, n := &g.tx[i], g.r.IntN(1000)
	switch {
	case tx.open && chance(g.r, 10):
		g.finish(i)
	case n < 830:
		g.query(i, pick(g.r, g.reads))
	case n < 945:
		g.change(i)
	case n < 970 && !tx.open:
		g.begin(i)
	case tx.open && n < 970:
		g.savepoint(i)
	case n >= 980 && n < 985:
		g.alter(i)
	case n < 992:
		g.multi(i)
	case n < 994:
		g.oddity(i)
	case n < 997:
		g.reads[g.r.IntN(len(g.reads))] = g.reads[len(g.reads)-1]
		g.reads = g.reads[:len(g.reads)-1]
		g.fillReads()
	}
}

// query adds a read: mostly one of the few that are asked again and again just
// now, so that entries are hit, and not only found dropped.
func (g *generator) query(i int, rd reading) {
	few, share := 8, 70
	if g.d.strict {
		few, share = 5, 85
	}
	if len(g.hot) < few {
		g.hot = append(g.hot, heat{rd, pick(g.r, rd.tuples)})
	}
	if chance(g.r, 4) {
		g.hot[g.r.IntN(len(g.hot))] = heat{rd, pick(g.r, rd.tuples)}
	}
	vals := pick(g.r, rd.tuples)
	switch {
	case chance(g.r, share):
		h := pick(g.r, g.hot)
		rd, vals = h.rd, h.vals
	case chance(g.r, 10):
		vals = rd.st.values(g.r)
	}
	text, args := rd.st.bind(vals)
	g.add(Op{
		Session: i, Action: Query, SQL: text, Args: args, Class: rd.st.class, Read: true,
		Ordered: rd.st.ordered, Prepared: chance(g.r, 15),
	})
}

// change adds a write, preferably one that the database takes.
func (g *generator) change(i int) {
	for try := 0; try < 6; try++ {
		st := g.schema.write()
		text, args := st.bind(st.values(g.r))
		if !g.scratch.takes(text, args) && !chance(g.r, 4) {
			continue
		}
		op := Op{Session: i, Action: Exec, SQL: text, Args: args, Class: st.class, ID: st.id, Prepared: chance(g.r, 15)}
		if st.class == "returning" && !chance(g.r, 15) {
			op.Action = Query
		}
		g.add(op)
		return
	}
}

func (g *generator) begin(i int) {
	tx := &g.tx[i]
	*tx = txState{open: true, api: chance(g.r, 50)}
	if tx.api {
		op := Op{Session: i, Action: Begin}
		if g.d != lite {
			op.SQL = pick(g.r, isolations)
		}
		g.add(op)
	} else {
		g.add(Op{Session: i, Action: Exec, SQL: pick(g.r, g.d.begins)})
		if strings.HasPrefix(g.script.Ops[len(g.script.Ops)-1].SQL, "SAVE") {
			tx.saves = 1
		}
	}
}

func (g *generator) savepoint(i int) {
	tx := &g.tx[i]
	name := fmt.Sprintf("sp%d", tx.saves)
	switch n := g.r.IntN(10); {
	case n < 5:
		tx.saves++
		g.add(Op{Session: i, Action: Exec, SQL: pick(g.r, []string{"SAVEPOINT ", "savepoint "}) + fmt.Sprintf("sp%d", tx.saves)})
	case n < 8:
		g.add(Op{Session: i, Action: Exec, SQL: pick(g.r, g.d.rollbacks) + name})
	default:
		g.add(Op{Session: i, Action: Exec, SQL: pick(g.r, g.d.releases) + name})
		tx.saves = max(0, tx.saves-1)
	}
}

func (g *generator) finish(i int) {
	tx := g.tx[i]
	g.tx[i] = txState{}
	commit := chance(g.r, 65)
	switch {
	case tx.api && commit:
		g.add(Op{Session: i, Action: Commit})
	case tx.api:
		g.add(Op{Session: i, Action: Rollback})
	case commit:
		g.add(Op{Session: i, Action: Exec, SQL: pick(g.r, g.d.ends)})
	default:
		g.add(Op{Session: i, Action: Exec, SQL: "ROLLBACK"})
	}
}

// alter changes the schema, mostly when nothing else is in the way.
func (g *generator) alter(i int) {
	for k, tx := range g.tx {
		if tx.open && chance(g.r, 85) {
			g.finish(k)
		}
	}
	text, done := g.d.alter(g.schema)
	if g.scratch.do(text) {
		done()
	}
	g.add(Op{Session: i, Action: Exec, SQL: text, Class: "ddl"})
	g.hot = nil
	for k := 0; k < len(g.reads)/4; k++ { // some new reads for the new schema
		g.reads = g.reads[:len(g.reads)-1]
	}
	g.fillReads()
}

// multi adds several statements in one text.
func (g *generator) multi(i int) {
	var texts []string
	for k := 2 + g.r.IntN(2); k > 0; k-- {
		texts = append(texts, bound(g.schema.write()))
	}
	if chance(g.r, 25) && !g.tx[i].open {
		texts = append(append([]string{"BEGIN"}, texts...), pick(g.r, []string{"COMMIT", "COMMIT", "ROLLBACK"}))
	}
	g.add(Op{Session: i, Action: Exec, SQL: strings.Join(texts, "; "), Class: "multi"})
	if g.d.strict && texts[0] == "BEGIN" { // what fails in between leaves it open
		g.add(Op{Session: i, Action: Exec, SQL: "ROLLBACK"})
	}
}

// oddity adds what changes no row, or the session.
func (g *generator) oddity(i int) {
	g.add(Op{Session: i, Action: Exec, Class: "oddity", SQL: pick(g.r, g.d.oddities)})
}
