package sqlcache

import (
	"context"
	cryptorand "crypto/rand"
	"errors"
	"math/rand/v2"
	"strings"
	"time"
)

// innodbStep is more than the age that information_schema.innodb_trx may have: it
// is made anew when nobody has read it for a tenth of a second.
const innodbStep = 130 * time.Millisecond

// innodbLock is held on the server by who reads it: of several, none would let it get
// old enough, and a store that many processes share is lost by all of them at once.
const innodbLock = userLock + "innodb"

// innodbJitter keeps us from reading it in turns with whatever else watches the server.
const innodbJitter = 100 * time.Millisecond

// allTime bounds the wait for all writers.
const allTime = 10 * time.Second

// openInnoDB asks for the transactions that have changed rows, and for its own. Who
// has told the store has changed what it will. Such a transaction has a number of its
// own, and keeps it when it is prepared and its connection ends.
const openInnoDB = `
SELECT trx_id, trx_mysql_thread_id = CONNECTION_ID(), COALESCE(trx_query, '') FROM information_schema.innodb_trx
WHERE trx_rows_modified > 0 OR trx_state NOT IN ('RUNNING', 'LOCK WAIT') OR trx_mysql_thread_id = CONNECTION_ID() -- `

// allOver waits, within a time, until every writer that may have told the store
// before the call is over. One in a transaction has it open in InnoDB, and any
// other holds a numbered lock. It needs the PROCESS privilege.
func (d *mysql) allOver(ctx context.Context) (over bool, err error) {
	if !d.proving.TryLock() {
		return false, nil // another goroutine waits already
	}
	defer d.proving.Unlock()
	ctx, cancel := context.WithTimeout(ctx, allTime)
	defer cancel()
	err = d.engine.onLease(ctx, func(l *lease) error {
		row, err := l.row(ctx, "SELECT "+d.place(), 1)
		if err != nil || digest(row[0]) != d.server {
			return err
		}
		if err := d.looseOver(ctx, l); err != nil {
			return err
		}
		done, err := d.lookAlone(ctx, l)
		if err != nil {
			return err
		}
		defer done()
		if err := d.transactionsOver(ctx, l); err != nil {
			return err
		}
		over = true
		return nil
	})
	if ctx.Err() != nil || errors.Is(err, errLockTaken) {
		return false, nil // not yet
	}
	return over, err
}

// looker is whose connection was found to hold innodbLock, and when it was first.
type looker struct {
	thread string
	since  time.Time
}

// lookAlone takes innodbLock. A process that is frozen keeps it for as long as its
// connection stays; who has had it for longer than anybody looks is not waited for.
func (d *mysql) lookAlone(ctx context.Context, l *lease) (done func(), err error) {
	_, taken := d.take(ctx, l, innodbLock, "")
	if taken == nil {
		return func() { d.letGo(l, innodbLock) }, nil
	}
	if !errors.Is(taken, errLockTaken) {
		return nil, taken
	}
	row, err := l.row(ctx, "SELECT IS_USED_LOCK('"+innodbLock+"')", 1)
	if err != nil {
		return nil, err
	}
	if thread := row[0]; thread == "" || thread != d.looker.thread {
		d.looker = looker{thread, time.Now()}
	}
	if time.Since(d.looker.since) <= allTime {
		return nil, taken
	}
	return func() {}, nil
}

// looseOver waits until whoever holds a numbered lock has let go of it.
func (d *mysql) looseOver(ctx context.Context, l *lease) error {
	var b strings.Builder
	b.WriteString("SELECT ")
	for n := range looseLocks {
		if n > 0 {
			b.WriteString(", ")
		}
		b.WriteString("IS_USED_LOCK('" + d.looseName(n) + "')")
	}
	first, err := l.row(ctx, b.String(), looseLocks)
	if err != nil {
		return err
	}
	for now := first; ; {
		waiting := false
		for n := range first {
			if now[n] != first[n] {
				first[n] = ""
			}
			waiting = waiting || first[n] != ""
		}
		if !waiting {
			return nil
		}
		if err := pause(ctx, proveStep); err != nil {
			return err
		}
		if now, err = l.row(ctx, b.String(), looseLocks); err != nil {
			return err
		}
	}
}

// transactionsOver waits until all transactions that are open now have ended.
func (d *mysql) transactionsOver(ctx context.Context, l *lease) error {
	open, err := d.openNow(ctx, l)
	for err == nil && len(open) > 0 {
		if err = pause(ctx, innodbStep+rand.N(innodbJitter)); err != nil {
			break
		}
		var now map[string]bool
		if now, _, err = d.look(ctx, l, ""); err != nil {
			break
		}
		for id := range open {
			if !now[id] {
				delete(open, id)
			}
		}
	}
	return err
}

// openNow returns the transactions that are open. The table that tells of them is
// a copy of an unknown age: it is of now once it shows the very statement that
// looks, within a transaction of our own.
func (d *mysql) openNow(ctx context.Context, l *lease) (open map[string]bool, err error) {
	if err := l.run(ctx, "START TRANSACTION WITH CONSISTENT SNAPSHOT"); err != nil {
		return nil, err
	}
	defer l.rollback(ctx)
	mark := cryptorand.Text()
	for {
		open, fresh, err := d.look(ctx, l, mark)
		if err != nil || fresh {
			return open, err
		}
		if err := pause(ctx, innodbStep+rand.N(innodbJitter)); err != nil {
			return nil, err
		}
	}
}

// look returns the transactions that InnoDB has, but for the connection's own;
// fresh says that the mark was seen there. One that is prepared, and has no
// connection, counts like the others.
func (d *mysql) look(ctx context.Context, l *lease, mark string) (open map[string]bool, fresh bool, err error) {
	rows, err := l.all(ctx, openInnoDB+mark, nil)
	if err != nil {
		return nil, false, err
	}
	open = make(map[string]bool, len(rows))
	for _, row := range rows {
		const columns = 3
		switch {
		case len(row) != columns:
			return nil, false, errors.New("not three columns")
		case printed(row[1]) == "1":
			fresh = fresh || mark != "" && strings.Contains(printed(row[2]), mark)
		default:
			open[printed(row[0])] = true
		}
	}
	return open, fresh, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
