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
)

// RaceSize says how much happens in a race. Zero fields take the defaults.
type RaceSize struct {
	Readers int // goroutines; 3
	Writers int // goroutines; 2
	Writes  int // attempts of each writer; 40
	Loose   int // of 100 attempts, those that are one text with a transaction of its own
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
	Truth [][]uint64
	// Content holds, likewise, the digest of everything in the database.
	Content  []uint64
	Attempts []attempt
	Ends     []end // of the attempts
	Seen     []Seen
	Reached  int64 // reads of any kind that the database answered
}

// end is how an attempt ended: who made it, when it was over, and what its
// author was told.
type end struct {
	by  int
	at  time.Duration // since the race began
	err error
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
	Text     string        // the answer, for people
	By       int           // the peer that read
	At       time.Duration // of the call, since the race began
	Settled  bool          // after the race, when the store had been told of everything
}

// peer is somebody who reads and writes through a cache: this process or
// another one.
type peer interface {
	query(ctx context.Context, c Call) answer
	try(ctx context.Context, a attempt) error
}

// Race lets writers and readers loose on a random database behind an engine, and
// returns the history. Writers take turns, as SQLite makes them, so that what is
// true can be looked up between two of them; readers race with all.
func Race(ctx context.Context, seed uint64, size RaceSize, engine Engine) (h *History, err error) {
	return raceOn(ctx, seed, size, func(r *race, name string) (over func() error, err error) {
		rec := NewRecorder(name)
		db, release, err := engine(rec)
		if err != nil {
			return nil, fmt.Errorf("open the engine: %w", err)
		}
		r.peer = func(int) peer { return &local{db} }
		return func() error {
			r.h.Reached = rec.queries.Load()
			return errors.Join(db.Close(), release())
		}, nil
	})
}

// raceOn runs a race on a database of its own. ready, which is given the database's
// data source name, sets the peers up; over ends them.
func raceOn(ctx context.Context, seed uint64, size RaceSize, ready func(r *race, name string) (over func() error, err error)) (h *History, err error) {
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
	over, err := ready(r, name)
	if err != nil {
		return nil, err
	}
	r.bare = sql.OpenDB(NewRecorder(name))
	r.run(ctx)
	return r.h, errors.Join(r.failed, over(), r.bare.Close())
}

type race struct {
	size  RaceSize
	h     *History
	bare  *sql.DB // or, on a server, judge
	judge peer
	peer  func(i int) peer // of the reader or writer i
	// processes are what the peers are spread over in turn.
	processes int
	// Of each writer: what it will do.
	plans [][]attempt
	// before, if set, runs before each attempt, by the peer whose turn it is.
	before func(ctx context.Context, n, by int)
	// after, if set, runs after it, before its truth is looked up.
	after func(ctx context.Context, by int)
	// settle, if set, runs after the last attempt; then each process reads everything.
	settle func(ctx context.Context) error
	idle   time.Duration // between reads while an attempt goes on; 0: they wait for the next
	began  time.Time
	failed error // of looking up the truth

	turn        sync.Mutex                    // held by the writer whose turn it is
	starts      atomic.Pointer[chan struct{}] // closed when the next attempt begins
	begun, over atomic.Int64

	mu sync.Mutex // of h.Seen
}

// attempt is one transaction, or one autocommit statement, or a text that is a
// transaction by itself, which may leave it open where it fails.
type attempt struct {
	tx       bool
	rollback bool
	loose    bool
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
	g := newGenerator(lite, seed^0xace, Size{}, scratch)
	g.pragmas()
	return g.race(seed, size), g.script, nil
}

// race decides on what a race reads and writes.
func (g *generator) race(seed uint64, size RaceSize) *race {
	g.prepare()
	h := &History{Seed: seed}
	for _, rd := range g.reads {
		for _, vals := range rd.tuples {
			text, args := rd.st.bind(vals)
			h.Reads = append(h.Reads, Call{text, args})
		}
	}
	r := &race{size: size, h: h, processes: 1}
	for range size.Writers {
		plan := make([]attempt, size.Writes)
		for i := range plan {
			if size.Loose > 0 && chance(g.r, size.Loose) {
				plan[i] = g.looseAttempt()
				continue
			}
			plan[i] = g.attempt()
		}
		r.plans = append(r.plans, plan)
	}
	return r
}

func (g *generator) attempt() attempt {
	var a attempt
	if chance(g.r, 4) {
		a.timeout = time.Duration(g.r.IntN(400)) * time.Microsecond
	}
	if chance(g.r, 2) {
		if text, done := g.d.alter(g.schema); !strings.Contains(text, ";") && g.scratch.do(text) {
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

// looseAttempt is a text of several statements of which readers see all or nothing.
func (g *generator) looseAttempt() attempt {
	a := attempt{loose: true}
	for try := 0; len(a.stmts) == 0 && try < 10; try++ {
		if text := bound(g.schema.write()); g.scratch.takes(text, nil) {
			a.stmts = []Call{{SQL: "BEGIN IMMEDIATE; " + text + "; COMMIT"}}
		}
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
	r.began = time.Now()
	r.starts.Store(newSignal())
	r.look(ctx)
	var writers, readers sync.WaitGroup
	over := make(chan struct{})
	for i := range r.size.Writers {
		writers.Go(func() { r.write(ctx, i) })
	}
	for i := range r.size.Readers {
		readers.Go(func() { r.read(ctx, i, rand.New(rand.NewPCG(r.h.Seed, uint64(i))), over) })
	}
	writers.Wait()
	close(over)
	readers.Wait()
	if r.settle == nil {
		return
	}
	if err := r.settle(ctx); err != nil {
		r.failed = errors.Join(r.failed, fmt.Errorf("settle: %w", err))
		return
	}
	for by := range r.processes {
		for n := range r.h.Reads {
			if s, ok := r.see(ctx, by, n); ok {
				s.Settled = true
				r.h.Seen = append(r.h.Seen, s)
			}
		}
	}
}

func (r *race) write(ctx context.Context, by int) {
	for _, a := range r.plans[by] {
		r.turn.Lock()
		if r.before != nil {
			r.before(ctx, len(r.h.Attempts), by%r.processes)
		}
		r.begun.Add(1)
		close(*r.starts.Swap(newSignal()))
		e := end{by: by % r.processes, err: r.peer(by).try(ctx, a)}
		if r.after != nil {
			r.after(ctx, by%r.processes)
		}
		e.at = time.Since(r.began)
		r.h.Attempts, r.h.Ends = append(r.h.Attempts, a), append(r.h.Ends, e)
		r.look(ctx)
		r.over.Add(1)
		r.turn.Unlock()
	}
}

// look notes what is true now. Nobody writes meanwhile.
func (r *race) look(ctx context.Context) {
	truth := make([]uint64, len(r.h.Reads))
	for i, c := range r.h.Reads {
		a := r.truth(ctx, c)
		truth[i] = a.digest()
	}
	r.h.Truth = append(r.h.Truth, truth)
	if r.bare == nil {
		return
	}
	all, err := content(ctx, r.bare)
	r.failed = errors.Join(r.failed, err)
	h := fnv.New64a()
	h.Write([]byte(all))
	r.h.Content = append(r.h.Content, h.Sum64())
}

// truth is what a read returns without a cache.
func (r *race) truth(ctx context.Context, c Call) answer {
	if r.judge != nil {
		return r.judge.query(ctx, c)
	}
	return readRows(r.bare.QueryContext(ctx, c.SQL, c.Args...))
}

// local is a peer in this process.
type local struct{ db *sql.DB }

func (l *local) query(ctx context.Context, c Call) answer {
	return readRows(l.db.QueryContext(ctx, c.SQL, c.Args...))
}

// try makes an attempt and returns the error of what should have committed it.
// Whether it worked will be seen.
func (l *local) try(outer context.Context, a attempt) (err error) {
	ctx, cancel := outer, func() {}
	if a.timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, a.timeout)
	}
	defer cancel()
	if !a.tx && !a.loose {
		for _, st := range a.stmts {
			_, err = l.db.ExecContext(ctx, st.SQL, st.Args...)
		}
		return err
	}
	conn, err := l.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if a.loose {
		for _, st := range a.stmts {
			_, err = conn.ExecContext(ctx, st.SQL)
		}
		conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		return err
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, st := range a.stmts {
		tx.ExecContext(ctx, st.SQL, st.Args...)
	}
	if a.rollback {
		return errors.Join(errRolledBack, tx.Rollback())
	}
	if err = tx.Commit(); err != nil {
		// database/sql is through with the transaction, SQLite may not be, and
		// would go on with it for the connection's next user.
		conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	}
	return err
}

// errRolledBack is how an attempt ends that was meant to.
var errRolledBack = errors.New("fuzz: rolled back")

func newSignal() *chan struct{} {
	c := make(chan struct{})
	return &c
}

// meanwhile is when to read again although no attempt begins: one that takes
// long has the leases of its intents end.
func (r *race) meanwhile() <-chan time.Time {
	if r.idle == 0 {
		return nil
	}
	return time.After(r.idle)
}

// read reads a few times at the start of each attempt, in a race with it: again
// and again the same, so that some of it is filled before and some after.
func (r *race) read(ctx context.Context, by int, dice *rand.Rand, over <-chan struct{}) {
	var seen []Seen
	for last := false; !last; {
		select {
		case <-over:
			last = true
		case <-*r.starts.Load():
		case <-r.meanwhile():
		}
		first := dice.IntN(len(r.h.Reads))
		for i := range 16 {
			if s, ok := r.see(ctx, by, (first+i%4)%len(r.h.Reads)); ok {
				seen = append(seen, s)
			}
		}
	}
	r.mu.Lock()
	r.h.Seen = append(r.h.Seen, seen...)
	r.mu.Unlock()
}

// see reads once. ok is false for an error, as busy databases and old schemas make
// them, with a cache or without.
func (r *race) see(ctx context.Context, by, n int) (s Seen, ok bool) {
	from, at := r.over.Load(), time.Since(r.began)
	a := r.peer(by).query(ctx, r.h.Reads[n])
	to := r.begun.Load()
	return Seen{Read: n, From: from, To: to, Digest: a.digest(), Text: a.String(), By: by % r.processes, At: at}, a.err == nil
}

// digest is equal for answers that a program may not tell apart, the order of
// rows left out.
func (a *answer) digest() uint64 {
	h := fnv.New64a()
	if a.err != nil {
		code := -1
		var e coded
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
