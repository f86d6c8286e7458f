package sqlcache

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cacheops/cacheops"
)

// Read is a statement that reads, with its arguments.
type Read struct {
	Text string
	Args []any
}

// Refresh has reads made once what is written over db is committed: at once, or, on
// a connection that is in a transaction, when that commits, before its Commit
// returns. They are then hits, whatever Ops the rules and the context name; of what
// ctx says of reads the Extra alone counts. A rollback makes none of them, a
// savepoint's all the same. It fails on a database that is not cached; that
// a read fails is no error, and neither is one that takes longer than a second.
func Refresh(ctx context.Context, db Execer, reads ...Read) error {
	_, err := db.ExecContext(ctx, refreshText, &refreshment{reads: reads})
	if err != nil {
		return fmt.Errorf("refresh: %w", err)
	}
	return nil
}

// refreshText is a statement to nobody but us: elsewhere it is no SQL.
const refreshText = "@cacheops refresh@"

// refreshment is the argument of refreshText. No program can make one, so the text
// alone does nothing.
type refreshment struct{ reads []Read }

// refreshTime bounds what reads add to a commit.
const refreshTime = time.Second

// maxRefreshed bounds the reads that a transaction may ask for.
const maxRefreshed = 256

func (c *conn) refresh(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if len(args) != 1 {
		return nil, errReserved
	}
	r, ok := args[0].Value.(*refreshment)
	if !ok {
		return nil, errReserved
	}
	if c.tx != nil {
		room := max(0, maxRefreshed-len(c.tx.after))
		c.tx.after = append(c.tx.after, r.reads[:min(room, len(r.reads))]...)
		return driver.ResultNoRows, nil
	}
	c.refreshNow(ctx, r.reads)
	return driver.ResultNoRows, nil
}

// refreshNow makes the reads. They take connections of their own, for which this
// one gives its own back where there may be no other.
func (c *conn) refreshNow(ctx context.Context, reads []Read) {
	if len(reads) == 0 || c.held != nil {
		return
	}
	c.yield()
	said, _ := cacheops.CallOf(ctx)
	ctx = cacheops.With(context.WithoutCancel(ctx), cacheops.Call{Extra: said.Extra})
	ctx, cancel := context.WithTimeout(ctx, refreshTime)
	defer cancel()
	rd := &reading{conn: conn{engine: c.engine}}
	for _, r := range reads {
		if !rd.bind(r.Args) || rd.conn.drain(ctx, r.Text, rd.args) != nil {
			return // it is a miss, then
		}
	}
}

func (c *conn) drain(ctx context.Context, text string, args []driver.NamedValue) (err error) {
	defer func() { err = errors.Join(err, c.Close()) }()
	rows, err := c.QueryContext(ctx, text, args)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	dest := make([]driver.Value, len(rows.Columns()))
	for {
		if err := rows.Next(dest); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
