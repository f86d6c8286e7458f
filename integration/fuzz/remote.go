package fuzz

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/cacheops/cacheops"
)

// Remote runs the sessions of a script in other processes, which share a store
// and a database file, and bends things meanwhile.
type Remote struct {
	// Start makes the processes ready for a database. A connection of theirs
	// waits for a lock as long as the DSN says.
	Start func(dsn string) error
	// Client returns the process that a session runs in.
	Client func(session int) *Client
	// Before, if set, runs before a step. Where it returns true the step may end
	// its process, and Died is called when it did.
	Before func(ctx context.Context, step int, op *Op) (deadly bool)
	// Died says whether a session's process, which ended in a step, had committed
	// it, and puts another process in its place.
	Died func(session int) (committed bool, err error)
}

// Remaining counts what became of scripts in other processes.
type Remaining struct {
	Refused int // writes failed because the store could not be told
	Deaths  int // processes that ended within a step
	Parted  int // scripts cut short because the two databases differ as they may
}

// remotePatience is how long a script may take while things are bent.
const remotePatience = 90 * time.Second

// busyTime is how long a statement waits for the write lock, so that the proof
// of a doubtful writer, who takes it for a moment, is not seen.
const busyTime = "busy_timeout(40)"

// RunRemote is Run with the sessions elsewhere. It also compares what both
// databases hold in the end.
func RunRemote(ctx context.Context, s *Script, r *Remote, fig *Figures, rest *Remaining) (err error) {
	dir, err := os.MkdirTemp(scratchDir(), "remote")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ctx, cancel := context.WithTimeout(ctx, remotePatience)
	defer cancel()
	p, err := newRemotePair(ctx, s, r, dir)
	if err != nil {
		return err
	}
	p.rest = rest
	defer func() { err = errors.Join(err, p.close()) }()
	for i := range s.Ops {
		switch err := p.step(ctx, i, &s.Ops[i], fig); {
		case errors.Is(err, errParted):
			rest.Parted++
			return nil
		case err != nil && ctx.Err() != nil:
			fig.Abandoned++
			return nil
		case err != nil:
			return err
		}
	}
	return p.compare(ctx)
}

type remotePair struct {
	*Remote
	rest        *Remaining
	bared, look *sql.DB // the bare twin, and a bare look at the other
	plain       map[int]*session
	trace       trace
}

func newRemotePair(ctx context.Context, s *Script, r *Remote, dir string) (*remotePair, error) {
	a, b, err := twins(ctx, s, dir)
	if err != nil {
		return nil, err
	}
	pragmas := append([]string{busyTime}, s.Pragmas...)
	if err := r.Start(dsn(a, pragmas)); err != nil {
		return nil, fmt.Errorf("start the processes: %w", err)
	}
	return &remotePair{
		Remote: r, plain: map[int]*session{}, trace: newTrace(),
		look: sql.OpenDB(NewRecorder(dsn(a, pragmas))), bared: sql.OpenDB(NewRecorder(dsn(b, pragmas))),
	}, nil
}

func (p *remotePair) close() error {
	for _, s := range p.plain {
		s.close()
	}
	return errors.Join(p.look.Close(), p.bared.Close())
}

func (p *remotePair) step(ctx context.Context, i int, op *Op, fig *Figures) error {
	b, err := sessionOf(ctx, p.plain, p.bared, op.Session)
	if err != nil {
		return fmt.Errorf("open a bare session: %w", err)
	}
	deadly := p.Before != nil && p.Before(ctx, i, op)
	got, hit := p.Client(op.Session).do(ctx, op)
	switch {
	case errors.Is(got.err, ErrGone) && deadly:
		if err := p.died(ctx, op); err != nil {
			return fmt.Errorf("step %d of session %d ended its process, %s %v: %w", i, op.Session, op.SQL, op.Args, err)
		}
		return nil
	case errors.Is(got.err, ErrGone), ctx.Err() != nil:
		return fmt.Errorf("step %d, %s %v: %w", i, op.SQL, op.Args, got.err)
	case errors.Is(got.err, cacheops.ErrOutcomeUnknown):
		return errParted
	case errors.Is(got.err, cacheops.ErrStore):
		p.rest.Refused++
		return p.refused(ctx, op)
	}
	want := b.do(ctx, op)
	if got.differs(&want, op.Ordered) {
		if mayDiffer(op, &got, &want) || op.Read && !hit && p.inTx(op.Session) {
			return errParted
		}
		return &Mismatch{Step: i, Op: *op, Got: got.String(), Want: want.String(), Hit: hit}
	}
	p.trace.note(op, hit, &want, fig)
	return nil
}

// mayDiffer says which differences end a script without a failure. Which of two
// statements finds the database locked, or a connection that knows the latest
// schema, depends on who proves a doubtful writer over meanwhile, and on how
// many connections a process has; what a read returns does not. The exception
// are a transaction's reads from the database: a statement that fails on a
// connection behind the schema begins the transaction's snapshot, and on one that
// knows it does not.
func mayDiffer(op *Op, got, want *answer) bool {
	const busy = 5
	if op.Read {
		return code(got.err) == busy
	}
	return got.err != nil || want.err != nil
}

// inTx reports whether a session is in a transaction of its own making.
func (p *remotePair) inTx(session int) bool {
	s := p.trace.sessions[session]
	return s != nil && s.inTx
}

// refused follows a statement that the cache refused to commit.
func (p *remotePair) refused(ctx context.Context, op *Op) error {
	word := firstWord(op.SQL)
	switch {
	case op.Action == Commit, word == "COMMIT", word == "END":
		undo := Op{Session: op.Session, Action: Rollback}
		if op.Action != Commit {
			undo = Op{Session: op.Session, Action: Exec, SQL: "ROLLBACK", Class: op.Class}
		}
		a := p.plain[op.Session].do(ctx, &undo)
		p.trace.note(&undo, false, &a, &Figures{})
		return nil
	case p.inTx(op.Session), strings.Contains(op.SQL, ";"):
		return errParted
	}
	return nil // it was a transaction of its own, and nothing of it is there
}

// died follows a process that ended within a step.
func (p *remotePair) died(ctx context.Context, op *Op) error {
	p.rest.Deaths++
	committed, err := p.Died(op.Session)
	if err != nil {
		return err
	}
	if committed {
		p.plain[op.Session].do(ctx, op)
	}
	for i, s := range p.plain {
		if p.Client(i) == p.Client(op.Session) {
			// A transaction begun in SQL would go on in the pool.
			s.conn.ExecContext(ctx, "ROLLBACK")
			s.close()
			delete(p.plain, i)
			delete(p.trace.sessions, i)
		}
	}
	return p.compare(ctx)
}

// compare compares what is committed in the two databases.
func (p *remotePair) compare(ctx context.Context) error {
	got, err := content(ctx, p.look)
	if err != nil {
		return err
	}
	want, err := content(ctx, p.bared)
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("fuzz: the databases differ\n%s\n-- bare:\n%s", missing(got, want), missing(want, got))
	}
	return nil
}

// missing returns the lines of a that b has not.
func missing(a, b string) string {
	has := make(map[string]bool)
	for line := range strings.Lines(b) {
		has[line] = true
	}
	var out strings.Builder
	for line := range strings.Lines(a) {
		if !has[line] {
			out.WriteString(line)
		}
	}
	return out.String()
}
