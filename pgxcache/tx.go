package pgxcache

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cacheops/cacheops"
)

// Tx is a transaction through the cache: what it reads comes from the database,
// and what it changed is dropped with its commit.
type Tx struct {
	session *session
	last    bool    // use of the session
	joined  *joined // nil for one that was begun here
	commit  string
	saves   int64
	closed  bool
}

var _ pgx.Tx = (*Tx)(nil)

// begin begins a transaction by a statement, as pgx does, which last says to be
// the last use of the session.
func (s *session) begin(ctx context.Context, opts pgx.TxOptions, last bool) (*Tx, error) {
	if _, err := s.exec(ctx, beginText(opts), nil); err != nil {
		return nil, err
	}
	t := &Tx{session: s, last: last, commit: opts.CommitQuery}
	if t.commit == "" {
		t.commit = "commit"
	}
	return t, nil
}

func beginText(opts pgx.TxOptions) string {
	if opts.BeginQuery != "" {
		return opts.BeginQuery
	}
	words := []string{"begin"}
	if opts.IsoLevel != "" {
		words = append(words, "isolation level "+string(opts.IsoLevel))
	}
	for _, mode := range []string{string(opts.AccessMode), string(opts.DeferrableMode)} {
		if mode != "" {
			words = append(words, mode)
		}
	}
	return strings.Join(words, " ")
}

// errGone says that the transaction was ended by something else than its methods,
// or lost with its connection: what followed would be in none.
var errGone = fmt.Errorf("the transaction has ended: %w", pgx.ErrTxClosed)

func (t *Tx) open() error {
	switch {
	case t.closed:
		return pgx.ErrTxClosed
	case !t.session.InTx():
		return errGone
	}
	return nil
}

// end lets go of the session, and of a transaction that could not be ended.
func (t *Tx) end() {
	t.closed = true
	if t.joined != nil {
		t.joined.leave(t.session)
	}
	if t.last {
		t.session.pool.give(t.session)
		return
	}
	if t.session.InTx() {
		_ = t.session.Close() // rolls back, by ending the connection if need be
	}
}

// Commit commits. An error of the cache's store fails it, and the transaction is
// rolled back.
func (t *Tx) Commit(ctx context.Context) error {
	if t.closed {
		return pgx.ErrTxClosed
	}
	defer t.end()
	if err := t.open(); err != nil {
		return err
	}
	if t.joined != nil {
		return t.session.CommitJoined(ctx, t.joined.commit, t.joined.rollback)
	}
	tag, err := t.session.exec(ctx, t.commit, nil)
	if err == nil && tag.String() == "ROLLBACK" {
		return pgx.ErrTxCommitRollback
	}
	return err
}

// Rollback rolls back.
func (t *Tx) Rollback(ctx context.Context) error {
	if t.closed {
		return pgx.ErrTxClosed
	}
	defer t.end()
	if err := t.open(); err != nil {
		return err
	}
	if t.joined != nil {
		return t.session.RollbackJoined(ctx, t.joined.rollback)
	}
	_, err := t.session.exec(ctx, "rollback", nil)
	return err
}

// Begin sets a savepoint.
func (t *Tx) Begin(ctx context.Context) (pgx.Tx, error) {
	if err := t.open(); err != nil {
		return nil, err
	}
	t.saves++
	name := "sp_" + strconv.FormatInt(t.saves, 10)
	if _, err := t.session.exec(ctx, "savepoint "+name, nil); err != nil {
		return nil, err
	}
	return &nested{Tx: t, name: name}, nil
}

// Query is [pgx.Tx]'s.
func (t *Tx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if err := t.open(); err != nil {
		return failed(err), err
	}
	return t.session.query(ctx, sql, args, false)
}

// QueryRow is [pgx.Tx]'s.
func (t *Tx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, _ := t.Query(ctx, sql, args...) // the rows say it too
	return row{rows}
}

// Exec is [pgx.Tx]'s.
func (t *Tx) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if err := t.open(); err != nil {
		return pgconn.CommandTag{}, err
	}
	return t.session.exec(ctx, sql, args)
}

// SendBatch is [pgx.Tx]'s. The batch is read to its end at once.
func (t *Tx) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	if err := t.open(); err != nil {
		return pgx.FailedBatchResults(b, err)
	}
	if begins(b) != nil {
		return pgx.FailedBatchResults(b, errNestedBegin)
	}
	return t.session.sendBatch(ctx, b, false)
}

// CopyFrom is [pgx.Tx]'s.
func (t *Tx) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error) {
	if err := t.open(); err != nil {
		return 0, err
	}
	return t.session.copyFrom(ctx, table, columns, src)
}

// Prepare is [pgx.Tx]'s. The name stands for the text until the transaction ends.
func (t *Tx) Prepare(ctx context.Context, name, sql string) (*pgconn.StatementDescription, error) {
	if err := t.open(); err != nil {
		return nil, err
	}
	return t.session.prepare(ctx, name, sql)
}

// Invalidate drops what reads the targets, when the transaction commits.
func (t *Tx) Invalidate(ctx context.Context, targets ...cacheops.Target) error {
	if err := t.open(); err != nil {
		return err
	}
	return t.session.Invalidate(ctx, targets...)
}

// Conn returns the real connection, nil once the transaction has ended. What is
// done over it is not followed: the commit drops everything in the database. The
// transaction must be ended by Commit or Rollback, and not over the connection.
func (t *Tx) Conn() *pgx.Conn {
	if t.closed {
		return nil
	}
	if c, ok := t.session.Expose().(*real); ok {
		return c.pgx()
	}
	return nil
}

// LargeObjects is [pgx.Tx]'s. Nothing that is cached reads them.
func (t *Tx) LargeObjects() pgx.LargeObjects {
	closed := func() pgx.LargeObjects {
		var b pgx.Batch
		b.BeginTx(pgx.TxOptions{})
		tx := pgx.FailedBatchResults(&b, pgx.ErrTxClosed).Tx()
		return tx.LargeObjects()
	}
	if t.open() != nil {
		return closed()
	}
	// pgx makes them of its own transactions only, which any statement begins.
	var own pgx.Tx
	ctx := context.Background()
	err := t.session.Hold(ctx, func(c driver.Conn) (err error) {
		own, err = c.(*real).pgx().BeginTx(ctx, pgx.TxOptions{BeginQuery: ";"})
		return err
	})
	if err != nil {
		return closed()
	}
	return own.LargeObjects()
}

// nested is a savepoint in the form of a transaction.
type nested struct {
	*Tx
	name string
	over bool
}

var _ pgx.Tx = (*nested)(nil)

func (n *nested) finish(ctx context.Context, text string) error {
	if n.over {
		return pgx.ErrTxClosed
	}
	n.over = true
	_, err := n.Tx.Exec(ctx, text)
	return err
}

// Commit releases the savepoint.
func (n *nested) Commit(ctx context.Context) error {
	return n.finish(ctx, "release savepoint "+n.name)
}

// Rollback rolls back to the savepoint.
func (n *nested) Rollback(ctx context.Context) error {
	return n.finish(ctx, "rollback to savepoint "+n.name)
}

// The rest is closed with the savepoint.

func (n *nested) Begin(ctx context.Context) (pgx.Tx, error) {
	if n.over {
		return nil, pgx.ErrTxClosed
	}
	return n.Tx.Begin(ctx)
}

func (n *nested) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if n.over {
		return failed(pgx.ErrTxClosed), pgx.ErrTxClosed
	}
	return n.Tx.Query(ctx, sql, args...)
}

func (n *nested) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, _ := n.Query(ctx, sql, args...) // the rows say it too
	return row{rows}
}

func (n *nested) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if n.over {
		return pgconn.CommandTag{}, pgx.ErrTxClosed
	}
	return n.Tx.Exec(ctx, sql, args...)
}

func (n *nested) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	if n.over {
		return pgx.FailedBatchResults(b, pgx.ErrTxClosed)
	}
	return n.Tx.SendBatch(ctx, b)
}

func (n *nested) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error) {
	if n.over {
		return 0, pgx.ErrTxClosed
	}
	return n.Tx.CopyFrom(ctx, table, columns, src)
}

func (n *nested) Prepare(ctx context.Context, name, sql string) (*pgconn.StatementDescription, error) {
	if n.over {
		return nil, pgx.ErrTxClosed
	}
	return n.Tx.Prepare(ctx, name, sql)
}
