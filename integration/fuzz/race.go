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
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"
)

// RaceSize says how much happens in a race. Zero fields take the defaults.
type RaceSize struct {
	Readers int // goroutines; 3
	Writers int // goroutines; 2
	Writes  int // attempts of each writer; 40
}

func (z RaceSize) defaults() RaceSize {
	if z.Readers == 0 {
		z.Readers = 3
	}
	if z.Writers == 0 {
		z.Writers = 2
	}
	if z.Writes == 0 {
		z.Writes = 40
	}
	return z
}

// History is what readers saw, and what was true, for Judge.
type History struct {
	Seed  uint64
	Reads []Call // the pool that Seen refers to
	// Truth holds, after each attempt to write, the digests of all Reads on a
	// bare connection. Truth[0] is from before the first.
	Truth    [][]uint64
	Attempts []attempt
	Seen     []Seen
	Reached  int64 // reads of any kind that the database answered
}

// Call is a statement as a program gives it to database/sql.
type Call struct {
	SQL  string
	Args []any
}

// Seen is one read: what it returned, and the states between which it happened.
type Seen struct {
	Read     int
	From, To int64 // attempts that were over at its call, begun at its return
	Digest   uint64
	Text     string // the answer, for people
}

// Race lets writers and readers loose on a random database behind an engine, and
// returns the history. Writers take turns, as SQLite makes them, so that what is
// true can be looked up between two of them; readers race with all.
func Race(ctx context.Context, seed uint64, size RaceSize, engine Engine) (h *History, err error) {
	dir, err := os.MkdirTemp(scratchDir(), "race")
	if err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r, script, err := newRace(seed, size.defaults())
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "race.db")
	if err := setUp(ctx, path, script); err != nil {
		return nil, err
	}
	name := dsn(path, append([]string{"busy_timeout(10000)"}, script.Pragmas...))
	rec := NewRecorder(name)
	db, release, err := engine(rec)
	if err != nil {
		return nil, fmt.Errorf("open the engine: %w", err)
	}
	r.db, r.bare = db, sql.OpenDB(NewRecorder(name))
	r.starts.Store(newSignal())
	r.look(ctx)
	r.run(ctx)
	r.h.Reached = rec.queries.Load()
	return r.h, errors.Join(db.Close(), release(), r.bare.Close())
}

type race struct {
	size     RaceSize
	h        *History
	db, bare *sql.DB
	// Of each writer: what it will do.
	plans [][]attempt

	turn        sync.Mutex                    // held by the writer whose turn it is
	starts      atomic.Pointer[chan struct{}] // closed when the next attempt begins
	begun, over atomic.Int64

	mu sync.Mutex // of h.Seen
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
func newRace(seed uint64, size RaceSize) (*race, *Script, error) {
	scratch, err := openScratch()
	if err != nil {
		return nil, nil, err
	}
	defer scratch.close()
	g := &generator{
		r: rand.New(rand.NewPCG(seed, 0xace)), size: Size{}.defaults(), scratch: scratch,
		script: &Script{Seed: seed},
	}
	g.prepare()
	h := &History{Seed: seed}
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
	return r, g.script, nil
}

func (g *generator) attempt() attempt {
	var a attempt
	if chance(g.r, 4) {
		a.timeout = time.Duration(g.r.IntN(400)) * time.Microsecond
	}
	if chance(g.r, 2) {
		if text, done := g.schema.alter(); !strings.Contains(text, ";") && g.scratch.do(text) {
			done()
			a.stmts, a.timeout = []Call{{SQL: text}}, 0
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

func (r *race) write(outer context.Context, plan []attempt) {
	for _, a := range plan {
		ctx, cancel := outer, func() {}
		if a.timeout > 0 {
			ctx, cancel = context.WithTimeout(ctx, a.timeout)
		}
		r.turn.Lock()
		r.begun.Add(1)
		close(*r.starts.Swap(newSignal()))
		r.try(ctx, a)
		cancel()
		r.h.Attempts = append(r.h.Attempts, a)
		r.look(outer)
		r.over.Add(1)
		r.turn.Unlock()
	}
}

// look notes what is true now. Nobody writes meanwhile.
func (r *race) look(ctx context.Context) {
	truth := make([]uint64, len(r.h.Reads))
	for i, c := range r.h.Reads {
		a := readRows(r.bare.QueryContext(ctx, c.SQL, c.Args...))
		truth[i] = a.digest()
	}
	r.h.Truth = append(r.h.Truth, truth)
}

// try makes an attempt. Whether it worked will be seen.
func (r *race) try(ctx context.Context, a attempt) {
	if !a.tx {
		for _, st := range a.stmts {
			r.db.ExecContext(ctx, st.SQL, st.Args...)
		}
		return
	}
	conn, err := r.db.Conn(ctx)
	if err != nil {
		return
	}
	defer conn.Close()
	tx, err := conn.BeginTx(ctx, nil)
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
		// database/sql is through with the transaction, SQLite may not be, and
		// would go on with it for the connection's next user.
		conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	}
}

func newSignal() *chan struct{} {
	c := make(chan struct{})
	return &c
}

// read reads a few times at the start of each attempt, in a race with it: again
// and again the same, so that some of it is filled before and some after.
func (r *race) read(ctx context.Context, dice *rand.Rand, over <-chan struct{}) {
	var seen []Seen
	for last := false; !last; {
		select {
		case <-over:
			last = true
		case <-*r.starts.Load():
		}
		first := dice.IntN(len(r.h.Reads))
		for i := range 16 {
			n := (first + i%4) % len(r.h.Reads)
			from := r.over.Load()
			c := r.h.Reads[n]
			a := readRows(r.db.QueryContext(ctx, c.SQL, c.Args...))
			to := r.begun.Load()
			if a.err != nil {
				continue // as busy databases and old schemas make them, with a cache or without
			}
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

// Judge returns an error for the first read whose result was true at no moment
// between its call and its return.
func Judge(h *History) error {
	for _, s := range h.Seen {
		if !h.true(&s) {
			c := h.Reads[s.Read]
			last := "none"
			if s.To > 0 {
				last = fmt.Sprint(h.Attempts[s.To-1])
			}
			return fmt.Errorf("seed %d: a read between the states %d and %d saw what was true in none of them: %s %v\n%s\nlast write: %s",
				h.Seed, s.From, s.To, c.SQL, c.Args, s.Text, last)
		}
	}
	return nil
}

func (h *History) true(s *Seen) bool {
	for state := s.From; state <= s.To; state++ {
		if h.Truth[state][s.Read] == s.Digest {
			return true
		}
	}
	return false
}
