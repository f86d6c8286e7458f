package fuzz

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite"
)

// RaceSize says how much happens in a race. Zero fields take the defaults.
type RaceSize struct {
	Readers int // goroutines; 3
	Writers int // goroutines; 2
	Writes  int // attempts of each writer; 60
}

func (z RaceSize) defaults() RaceSize {
	if z.Readers == 0 {
		z.Readers = 3
	}
	if z.Writers == 0 {
		z.Writers = 2
	}
	if z.Writes == 0 {
		z.Writes = 60
	}
	return z
}

// History is what readers saw and what was committed, for Judge.
type History struct {
	Seed    uint64
	Setup   *Script
	Reads   []Call // the pool that Seen refers to
	Commits [][]Statement
	Seen    []Seen
	Reached int64 // reads of any kind that the database answered
}

// Call is a statement as a program gives it to database/sql.
type Call struct {
	SQL  string
	Args []any
}

// Seen is one read: what it returned, and the numbers of commits between which
// it happened.
type Seen struct {
	Read     int
	From, To int64 // commits surely visible at its call, perhaps at its return
	Digest   uint64
	Text     string // the answer, for people
}

// Race lets readers and writers loose on a random database behind an engine,
// and returns the history.
func Race(ctx context.Context, seed uint64, size RaceSize, engine Engine) (h *History, err error) {
	dir, err := os.MkdirTemp(scratchDir(), "race")
	if err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r, err := newRace(seed, size.defaults())
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "race.db")
	if err := setUp(ctx, path, r.h.Setup); err != nil {
		return nil, err
	}
	r.rec = NewRecorder(dsn(path, append([]string{"busy_timeout(10000)"}, r.h.Setup.Pragmas...)))
	db, release, err := engine(r.rec)
	if err != nil {
		return nil, fmt.Errorf("open the engine: %w", err)
	}
	r.db = db
	r.run(ctx)
	r.h.Commits, r.h.Reached = r.rec.commits, r.rec.queries.Load()
	return r.h, errors.Join(db.Close(), release())
}

type race struct {
	size RaceSize
	h    *History
	rec  *Recorder
	db   *sql.DB
	// Of each writer: what it will do.
	plans [][]attempt
	mu    sync.Mutex
}

// attempt is one transaction, or one autocommit statement.
type attempt struct {
	tx       bool
	rollback bool
	stmts    []Call
	timeout  time.Duration // zero: none
}

// newRace decides on everything before the race begins: the generator is not
// for use by many goroutines.
func newRace(seed uint64, size RaceSize) (*race, error) {
	scratch, err := openScratch()
	if err != nil {
		return nil, err
	}
	defer scratch.close()
	g := &generator{
		r: rand.New(rand.NewPCG(seed, 0xace)), size: Size{}.defaults(), scratch: scratch,
		script: &Script{Seed: seed},
	}
	g.prepare()
	h := &History{Seed: seed, Setup: g.script}
	for _, rd := range g.reads {
		for _, vals := range rd.tuples {
			text, args := rd.st.bind(vals)
			h.Reads = append(h.Reads, Call{text, args})
		}
	}
	r := &race{size: size, h: h}
	for range size.Writers {
		plan := make([]attempt, size.Writes)
		for i := range plan {
			plan[i] = g.attempt()
		}
		r.plans = append(r.plans, plan)
	}
	return r, nil
}

func (g *generator) attempt() attempt {
	var a attempt
	if chance(g.r, 4) {
		a.timeout = time.Duration(g.r.IntN(400)) * time.Microsecond
	}
	if chance(g.r, 2) {
		if text, done := g.schema.alter(); !strings.Contains(text, ";") && g.scratch.do(text) {
			done()
			a.stmts = []Call{{SQL: text}}
			return a
		}
	}
	if chance(g.r, 60) {
		a.stmts = g.writes(1)
		return a
	}
	a.tx, a.rollback = true, chance(g.r, 20)
	for i := 1 + g.r.IntN(3); i > 0; i-- {
		if chance(g.r, 15) {
			a.stmts = append(a.stmts, Call{SQL: "SAVEPOINT sp"})
			a.stmts = append(a.stmts, g.writes(1)...)
			a.stmts = append(a.stmts, Call{SQL: pick(g.r, []string{"ROLLBACK TO sp", "RELEASE sp"})})
			continue
		}
		a.stmts = append(a.stmts, g.writes(1)...)
	}
	return a
}

func (g *generator) writes(n int) []Call {
	var out []Call
	for try := 0; len(out) < n && try < 10; try++ {
		st := g.schema.write()
		if text, args := st.bind(st.values(g.r)); g.scratch.takes(text, args) {
			out = append(out, Call{text, args})
		}
	}
	return out
}

func (r *race) run(ctx context.Context) {
	var writers, readers sync.WaitGroup
	over := make(chan struct{})
	for i := range r.size.Writers {
		writers.Go(func() { r.write(ctx, r.plans[i]) })
	}
	for i := range r.size.Readers {
		readers.Go(func() { r.read(ctx, rand.New(rand.NewPCG(r.h.Seed, uint64(i))), over) })
	}
	writers.Wait()
	close(over)
	readers.Wait()
}

func (r *race) write(ctx context.Context, plan []attempt) {
	for _, a := range plan {
		ctx, cancel := ctx, func() {}
		if a.timeout > 0 {
			ctx, cancel = context.WithTimeout(ctx, a.timeout)
		}
		r.try(ctx, a)
		cancel()
	}
}

// try makes an attempt. Whether it worked is of no interest: the recorder knows
// what was committed.
func (r *race) try(ctx context.Context, a attempt) {
	if !a.tx {
		for _, st := range a.stmts {
			r.db.ExecContext(ctx, st.SQL, st.Args...)
		}
		return
	}
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return
	}
	for _, st := range a.stmts {
		tx.ExecContext(ctx, st.SQL, st.Args...)
	}
	if a.rollback {
		tx.Rollback()
		return
	}
	if tx.Commit() != nil {
		tx.Rollback()
	}
}

// read reads until the writers are done, and once more.
func (r *race) read(ctx context.Context, dice *rand.Rand, over <-chan struct{}) {
	var seen []Seen
	for last := false; !last; {
		select {
		case <-over:
			last = true
		default:
		}
		for range 20 {
			n := dice.IntN(len(r.h.Reads))
			from, _ := r.rec.window()
			a := readRows(r.db.QueryContext(ctx, r.h.Reads[n].SQL, r.h.Reads[n].Args...))
			_, to := r.rec.window()
			seen = append(seen, Seen{Read: n, From: from, To: to, Digest: a.digest(), Text: a.String()})
		}
	}
	r.mu.Lock()
	r.h.Seen = append(r.h.Seen, seen...)
	r.mu.Unlock()
}

// digest is equal for answers that a program may not tell apart, the order of
// rows left out.
func (a *answer) digest() uint64 {
	h := fnv.New64a()
	if a.err != nil {
		code := -1
		var e *sqlite.Error
		if errors.As(a.err, &e) {
			code = e.Code()
		}
		fmt.Fprintf(h, "error %d", code)
		return h.Sum64()
	}
	h.Write([]byte(a.cols))
	for _, row := range sorted(a.rows) {
		h.Write([]byte(row))
		h.Write([]byte{0})
	}
	return h.Sum64()
}

// Judge replays a history's commits and returns an error for the first read
// whose result was true at no moment between its call and its return.
func Judge(ctx context.Context, h *History) (err error) {
	dir, err := os.MkdirTemp(scratchDir(), "judge")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "judge.db")
	if err := setUp(ctx, path, h.Setup); err != nil {
		return err
	}
	db := sql.OpenDB(NewRecorder(dsn(path, h.Setup.Pragmas)))
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("open the replica: %w", err)
	}
	defer conn.Close()
	return judge(ctx, conn, h)
}

func judge(ctx context.Context, conn *sql.Conn, h *History) error {
	open := slices.Clone(h.Seen)
	slices.SortFunc(open, func(a, b Seen) int { return int(a.From - b.From) })
	var waiting []Seen
	for state := int64(0); state <= int64(len(h.Commits)); state++ {
		if state > 0 {
			replay(ctx, conn, h.Commits[state-1])
		}
		for len(open) > 0 && open[0].From <= state {
			waiting = append(waiting, open[0])
			open = open[1:]
		}
		truth := map[int]uint64{}
		var still []Seen
		for _, s := range waiting {
			d, ok := truth[s.Read]
			if !ok {
				a := readRows(conn.QueryContext(ctx, h.Reads[s.Read].SQL, h.Reads[s.Read].Args...))
				d = a.digest()
				truth[s.Read] = d
			}
			switch {
			case d == s.Digest:
			case s.To > state:
				still = append(still, s)
			default:
				a := readRows(conn.QueryContext(ctx, h.Reads[s.Read].SQL, h.Reads[s.Read].Args...))
				return fmt.Errorf("seed %d: a read between commits %d and %d saw what was not true then: %s %v\ngot  %s\nwant %s\nlast commit %v",
					h.Seed, s.From, s.To, h.Reads[s.Read].SQL, h.Reads[s.Read].Args, s.Text, a.String(), commitAt(h, state))
			}
		}
		waiting = still
	}
	return nil
}

func commitAt(h *History, state int64) []Statement {
	if state == 0 {
		return nil
	}
	return h.Commits[state-1]
}

// replay executes the statements of one commit, those that failed too: they
// fail again.
func replay(ctx context.Context, conn *sql.Conn, stmts []Statement) {
	if len(stmts) > 1 {
		conn.ExecContext(ctx, "BEGIN")
		defer conn.ExecContext(ctx, "COMMIT")
	}
	for _, st := range stmts {
		args := make([]any, len(st.Args))
		for i, a := range st.Args {
			args[i] = a.Value
			if a.Name != "" {
				args[i] = sql.Named(a.Name, a.Value)
			}
		}
		conn.ExecContext(ctx, st.SQL, args...)
	}
}
