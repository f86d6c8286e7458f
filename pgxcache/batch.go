package pgxcache

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"reflect"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/sqlcache"
)

var errNestedBegin = errors.New("Batch.BeginTx cannot be used within a transaction")

// begins returns the options of the transaction that a batch begins, nil if it
// begins none. pgx tells nobody of its commit query, for which its field is read.
func begins(b *pgx.Batch) *pgx.TxOptions {
	if pgx.FailedBatchResults(b, errNestedBegin).Tx() == nil || len(b.QueuedQueries) == 0 {
		return nil
	}
	opts := &pgx.TxOptions{BeginQuery: b.QueuedQueries[0].SQL}
	f := reflect.ValueOf(b).Elem().FieldByName("txOptions")
	if f.IsValid() && f.Kind() == reflect.Pointer && !f.IsNil() {
		if q := f.Elem().FieldByName("CommitQuery"); q.IsValid() && q.Kind() == reflect.String {
			opts.CommitQuery = q.String()
		}
	}
	return opts
}

// sendBatch runs a batch to its end; last says that its results are the last use
// of the session.
func (s *session) sendBatch(ctx context.Context, b *pgx.Batch, last bool) pgx.BatchResults {
	r := &batchResults{batch: b, session: s, last: last}
	if opts := begins(b); opts != nil {
		t, err := s.begin(ctx, *opts, last)
		if err != nil {
			if last {
				s.pool.give(s)
			}
			return pgx.FailedBatchResults(b, err)
		}
		r.tx, r.last = t, false
		r.items = append(r.items, item{tag: "BEGIN"})
	}
	rest := b.QueuedQueries[len(r.items):]
	list := make([]sqlcache.Statement, len(rest))
	for i, q := range rest {
		text, args, err := s.queued(ctx, q.SQL, q.Arguments)
		if err != nil {
			r.err = err
			return r
		}
		list[i] = sqlcache.Statement{Text: text, Args: slices.Clone(args)}
	}
	if len(list) > 0 {
		r.run(ctx, list)
	}
	s.types.current(s.from)
	return r
}

// run runs the statements and keeps their results. Where a read fails all of them run
// again as one batch: pgx has an error of its own for it, or for all, by its mode.
func (r *batchResults) run(ctx context.Context, list []sqlcache.Statement) {
	reads, err := r.session.reads(ctx, list)
	if err != nil {
		r.err = err
		return
	}
	first := len(r.items)
	if reads {
		done, err := r.readAll(ctx, list)
		if done || err != nil {
			r.err = err
			return
		}
		r.items = r.items[:first]
	}
	err = r.session.Together(ctx, list, func(c driver.Conn) error {
		r.items = r.items[:first]
		return c.(*real).batch(ctx, list, func(rows driver.Rows) error {
			one := drain(rows)
			r.items = append(r.items, one)
			return one.err
		})
	})
	if err == nil {
		return
	}
	if n := len(r.items); n > first && r.items[n-1].err != nil {
		return // it is told where it happened
	}
	r.items, r.err = r.items[:first], err
}

// readAll answers each read from the cache if that can, and what is left by one batch
// where the engine can have it so. It reports false where a read failed.
func (r *batchResults) readAll(ctx context.Context, list []sqlcache.Statement) (done bool, err error) {
	results, ok, err := r.session.ReadTogether(ctx, list, func(c driver.Conn, left []sqlcache.Statement, take func(driver.Rows) error) error {
		return c.(*real).batch(ctx, left, take)
	})
	if err != nil {
		return false, err
	}
	if ok {
		for _, rows := range results {
			r.items = append(r.items, drain(rows))
		}
		return true, nil
	}
	if !cacheops.InFunction(ctx) {
		return false, nil
	}
	for _, st := range list { // which the function follows one by one
		i := r.session.read(ctx, st)
		if i.err != nil {
			return false, nil //nolint:nilerr // all of them run again
		}
		r.items = append(r.items, i)
	}
	return true, nil
}

// reads reports whether each statement may be answered by itself: none is more
// than a read, and they are in no transaction that would end with an error.
func (s *session) reads(ctx context.Context, list []sqlcache.Statement) (bool, error) {
	if s.InTx() {
		return false, nil
	}
	for _, st := range list {
		if ok, err := s.Reads(ctx, st.Text); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (s *session) read(ctx context.Context, st sqlcache.Statement) item {
	src, err := s.QueryContext(ctx, st.Text, st.Args)
	if err != nil {
		return item{err: err}
	}
	return drain(src)
}

// batch sends the statements as a batch of pgx's and gives each result to take, up to
// the first that fails. What failed in it the batch returns as well.
func (r *real) batch(ctx context.Context, list []sqlcache.Statement, take func(driver.Rows) error) error {
	b := &pgx.Batch{}
	for _, st := range list {
		b.Queue(st.Text, sent(st.Args)...)
	}
	br := r.pgx().SendBatch(ctx, b)
	for range list {
		rows, err := br.Query()
		if err != nil {
			_ = take(failedRows{err}) // it is the same
			break
		}
		raw := &rawRows{rows: rows}
		raw.more = rows.Next()
		r.from.types.meet(r.pgx().TypeMap(), rows.FieldDescriptions())
		err = take(raw)
		rows.Close()
		if err != nil {
			break
		}
	}
	return br.Close()
}

// failedRows are those of a statement that failed.
type failedRows struct{ err error }

func (r failedRows) Columns() []string         { return []string{""} }
func (r failedRows) Next([]driver.Value) error { return r.err }
func (r failedRows) Close() error              { return nil }

// item is the result of one statement of a batch.
type item struct {
	head string
	rows []string
	tag  string
	err  error // after the rows
}

// drain reads packed rows to their end and closes them.
func drain(src driver.Rows) (out item) {
	if cols := src.Columns(); len(cols) == 1 {
		out.head = cols[0]
	}
	var dest [1]driver.Value
	for out.err == nil {
		if err := src.Next(dest[:]); err != nil {
			if !errors.Is(err, io.EOF) {
				out.err = err
			}
			break
		}
		s, ok := dest[0].(string)
		if !ok {
			out.err = errForm
		}
		out.rows = append(out.rows, s)
	}
	if out.err == nil {
		var tag pgconn.CommandTag
		tag, out.err = command(src, len(out.rows))
		out.tag = tag.String()
	}
	if err := src.Close(); err != nil && out.err == nil {
		out.err = err
	}
	return out
}

// replay gives the item as packed rows.
func (i *item) replay() driver.Rows { return &itemRows{item: i} }

type itemRows struct {
	item   *item
	at     int
	tagged bool
}

var _ driver.RowsNextResultSet = (*itemRows)(nil)

func (r *itemRows) Columns() []string {
	if r.tagged {
		return []string{tagPrefix + r.item.tag}
	}
	return []string{r.item.head}
}

func (r *itemRows) Next(dest []driver.Value) error {
	switch {
	case r.tagged:
		return io.EOF
	case r.at < len(r.item.rows):
		dest[0] = r.item.rows[r.at]
		r.at++
		return nil
	case r.item.err != nil:
		return r.item.err
	}
	return io.EOF
}

func (r *itemRows) HasNextResultSet() bool { return !r.tagged && r.item.err == nil }

func (r *itemRows) NextResultSet() error {
	if !r.HasNextResultSet() {
		return io.EOF
	}
	r.tagged = true
	return nil
}

func (r *itemRows) Close() error { return nil }

// batchResults are the results of a batch that has been run.
type batchResults struct {
	batch   *pgx.Batch
	session *session
	last    bool // use of the session
	tx      *Tx
	items   []item
	next    int
	open    *rows
	err     error
	closed  bool
}

var _ pgx.BatchResults = (*batchResults)(nil)

var (
	errBatchClosed = errors.New("batch already closed")
	errNoMore      = errors.New("no more results in batch")
)

// take returns the next result.
func (r *batchResults) take() (*item, error) {
	if r.open != nil {
		r.open.Close()
		if r.err == nil {
			r.err = r.open.err
		}
		r.open = nil
	}
	switch {
	case r.closed && r.err == nil:
		return nil, errBatchClosed
	case r.next < len(r.items) && r.err == nil:
		r.next++
		return &r.items[r.next-1], nil
	case r.err == nil:
		return nil, errNoMore
	}
	r.next++
	return nil, r.err
}

// Exec returns the tag of the next result.
func (r *batchResults) Exec() (pgconn.CommandTag, error) {
	i, err := r.take()
	switch {
	case err != nil:
		return pgconn.CommandTag{}, err
	case i.err != nil:
		r.err = i.err
		return pgconn.CommandTag{}, i.err
	}
	return pgconn.NewCommandTag(i.tag), nil
}

// Query returns the rows of the next result.
func (r *batchResults) Query() (pgx.Rows, error) {
	i, err := r.take()
	if err != nil {
		return failed(err), err
	}
	if i.err != nil && i.head == "" {
		r.err = i.err
		return failed(i.err), i.err
	}
	r.open = newRows(i.replay(), r.session, false)
	return r.open, nil
}

// QueryRow returns the first row of the next result.
func (r *batchResults) QueryRow() pgx.Row {
	rows, _ := r.Query() // the rows say it too
	return row{rows}
}

// Close calls what the program has registered with the statements whose results it
// has not read, until one fails.
func (r *batchResults) Close() error {
	if r.closed {
		return r.err
	}
	for r.err == nil && r.next < len(r.batch.QueuedQueries) {
		if fn := r.batch.QueuedQueries[r.next].Fn; fn != nil {
			before := r.next
			if err := fn(r); err != nil && r.err == nil {
				r.err = err
			}
			r.next = max(r.next, before+1)
			continue
		}
		if _, err := r.Exec(); err != nil {
			r.err = err
		}
	}
	if r.open != nil {
		r.open.Close()
		if r.err == nil {
			r.err = r.open.err
		}
	}
	r.closed, r.open, r.items = true, nil, nil
	if r.last {
		r.session.pool.give(r.session)
	}
	return r.err
}

// Tx returns the transaction that the batch has begun, or nil.
func (r *batchResults) Tx() pgx.Tx {
	if r.tx == nil {
		return nil
	}
	return r.tx
}
