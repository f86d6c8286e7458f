package sqlcache

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// On MySQL a writer's connection holds a user-level lock of a name that nobody
// else takes, from before the writer tells the store. The server lets go of it
// when the connection ends, which is after the statement that it runs has ended
// and what it left open was rolled back. So that a lock does not cost each write a
// round trip it stays with the connection and serves many writers: a writer is
// over when the lock is free, or when this process knows that nobody with that
// lock still writes, or when the lock has been changed for another since.
//
// What does not run in a transaction of ours holds one of a few numbered locks
// besides, for as long as it takes, so that somebody who knows of no writer can
// look whether there is one: see mysql_prove_all.go.

const (
	proofUserLock = "userlock:"
	userLock      = "cacheops:"
)

// lockAge is how long a lock serves writers before the next one takes another: a
// writer whose end could not be told to the store is proved over then at the
// latest.
const lockAge = 30 * time.Second

// writerLock is the lock of a connection.
type writerLock struct {
	name, proof string
	since       time.Time
	// writers are those with this proof that may still commit.
	writers atomic.Int64
}

// writerLocks are the locks that the connections of this process hold, by name.
var writerLocks sync.Map // of string to *writerLock

// forgetLock follows the end of a connection, or of its lock: from now on the
// server alone knows of its writers.
func (p *pooled) forgetLock() {
	if p.lock != nil {
		writerLocks.Delete(p.lock.name)
		p.lock = nil
	}
}

// lock returns the connection's lock, taking it if need be. On a connection whose
// session is its own the program may have let go of it.
func (d *mysql) lock(ctx context.Context, l *lease) (*writerLock, error) {
	p := l.pooled
	old := ""
	if p.lock != nil {
		if !l.dirty && time.Since(p.lock.since) < lockAge {
			return p.lock, nil
		}
		old = p.lock.name
	}
	name := userLock + strings.ToLower(rand.Text())
	proof, err := d.take(ctx, l, name, old)
	if err != nil {
		return nil, fmt.Errorf("take the lock that will prove the writer over: %w", err)
	}
	p.forgetLock()
	p.lock = &writerLock{name: name, proof: proof, since: time.Now()}
	if !d.engine.foreign { // nobody says when such a connection ends
		writerLocks.Store(name, p.lock)
	}
	return p.lock, nil
}

var (
	errLockTaken  = errors.New("somebody else has it")
	errElsewhere  = errors.New("the connection leads to another server than the first one did; open the database anew, or give it a name by Options.Name")
	errNoLockName = errors.New("not the proof of a writer")
)

// take takes a lock and lets go of the old one, if there is one. The proof names
// the server: elsewhere the lock is always free. A writer that was led to another
// server by the same address would tell the wrong entries.
func (d *mysql) take(ctx context.Context, l *lease, name, old string) (proof string, err error) {
	query := "SELECT GET_LOCK('" + name + "', 0), CONNECTION_ID(), " + d.place()
	if old != "" {
		query += ", RELEASE_LOCK('" + old + "')"
	}
	rows, err := l.all(ctx, query, nil)
	const columns = 3
	switch {
	case err != nil:
		return "", err
	case len(rows) != 1 || len(rows[0]) < columns:
		return "", errors.New("not one row")
	case printed(rows[0][0]) != "1":
		return "", errLockTaken
	}
	server := digest(printed(rows[0][2]))
	if server != d.server && d.engine.opts.Name == "" {
		return "", errElsewhere
	}
	return proofUserLock + server + ":" + printed(rows[0][1]) + ":" + name, nil
}

// proof counts the writer among those of its lock.
func (d *mysql) proof(ctx context.Context, _ *conn, l *lease, _ *transaction, _ []*cacheops.Database) (proof string, done func(*lease), err error) {
	lock, err := d.lock(ctx, l)
	if err != nil {
		return "", nil, err
	}
	proof, done = lock.writer()
	return proof, done, nil
}

// writer counts one more.
func (w *writerLock) writer() (proof string, done func(*lease)) {
	w.writers.Add(1)
	return w.proof, func(l *lease) {
		if !l.bad {
			w.writers.Add(-1)
		}
	}
}

// The numbered locks, for what runs outside a transaction of ours.
const (
	looseLocks = 64
	looseTries = 200
	looseStep  = 10 * time.Millisecond
)

func (d *mysql) looseName(n int) string {
	return userLock + d.server + ":" + strconv.Itoa(n)
}

// looseProof takes a numbered lock that is free. Between the parts of an XA
// transaction a connection runs nothing else: the lock that it has must do.
func (d *mysql) looseProof(ctx context.Context, l *lease, _ *sqldep.Plan, _ []*cacheops.Database) (proof string, done func(*lease), err error) {
	if l.pooled.lock == nil {
		if _, err := d.lock(ctx, l); err != nil {
			return "", nil, err
		}
	}
	if err := d.atOnce(ctx, l); err != nil {
		return "", nil, err
	}
	for range looseTries {
		name := d.looseName(mathrand.IntN(looseLocks))
		proof, err := d.take(ctx, l, name, "")
		switch {
		case err == nil:
			return proof, func(l *lease) { d.letGo(l, name) }, nil
		case myCode(err) == myXAState:
			proof, done = l.pooled.lock.writer()
			return proof, done, nil
		case !errors.Is(err, errLockTaken):
			return "", nil, fmt.Errorf("take the lock that will prove the writer over: %w", err)
		}
		select {
		case <-ctx.Done():
			return "", nil, ctx.Err()
		case <-time.After(looseStep):
		}
	}
	return "", nil, fmt.Errorf("take the lock that will prove the writer over: %w", errLockTaken)
}

// atOnce has INSERT DELAYED, wherever it stands in what is about to run, insert its
// rows before it is answered. MariaDB would queue them for a thread of its own, which
// comes to them when it likes: the store would long have been told that the writer is
// over, and no lock of ours would say otherwise. MySQL knows the word alone.
func (d *mysql) atOnce(ctx context.Context, l *lease) error {
	if !d.maria || l.pooled.atOnce && !l.dirty {
		return nil
	}
	err := l.run(ctx, "SET SESSION max_delayed_threads = 0")
	if err != nil && myCode(err) != myXAState { // in that state nothing is inserted
		return fmt.Errorf("have no row inserted later: %w", err)
	}
	l.pooled.atOnce = err == nil
	return nil
}

// letGo lets go of a lock that was held for as long as something took, with the
// connection if need be.
func (d *mysql) letGo(l *lease, name string) {
	if l.bad {
		return // the lock ends with the session
	}
	if l.pooled.lock != nil {
		l.pooled.lock.since = time.Time{} // what ran may have let go of it
	}
	ctx, cancel := context.WithTimeout(context.Background(), settleTime)
	defer cancel()
	if _, err := l.exec(ctx, "DO RELEASE_LOCK('"+name+"')", nil); err != nil {
		l.dirty = true
	}
}

// prove reports whether a writer in doubt is provably over.
func (d *mysql) prove(ctx context.Context, w cacheops.Writer) (over bool, err error) {
	if w.ID == 0 {
		return d.allOver(ctx)
	}
	server, rest, ok1 := strings.Cut(strings.TrimPrefix(w.Proof, proofUserLock), ":")
	thread, name, ok2 := strings.Cut(rest, ":")
	if _, err := strconv.ParseUint(thread, 10, 64); err != nil || !ok1 || !ok2 || !plainLock(name) {
		return false, fmt.Errorf("read a writer's proof: %w", errNoLockName)
	}
	if known, ok := writerLocks.Load(name); ok && known.(*writerLock).writers.Load() == 0 {
		return true, nil
	}
	ctx, cancel := context.WithTimeout(ctx, proveTime)
	defer cancel()
	err = d.engine.onLease(ctx, func(l *lease) error {
		row, err := l.row(ctx, "SELECT IS_USED_LOCK('"+name+"'), "+d.place(), 2)
		over = err == nil && digest(row[1]) == server && row[0] != thread
		return err
	})
	return over, err
}

// plainLock reports whether a name is one of ours, which needs no quoting.
func plainLock(name string) bool {
	rest, ours := strings.CutPrefix(name, userLock)
	return ours && strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz0123456789:") == ""
}
