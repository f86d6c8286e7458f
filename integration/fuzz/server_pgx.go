package fuzz

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/pgxcache"
)

// pgxWay is pgx's own interface.
type pgxWay struct{ cfg *pgxpool.Config }

func (w pgxWay) cached(ctx context.Context, c *cacheops.Cache) (source, error) {
	inner, err := pgxpool.NewWithConfig(ctx, w.cfg.Copy())
	if err != nil {
		return nil, err
	}
	pool := pgxcache.New(c, inner, &pgxcache.Options{SchemaCheck: -1})
	return &pgxSource{
		acquire: func(ctx context.Context) (pgxConn, error) { return pool.Acquire(ctx) },
		end:     func() { pool.Close(); inner.Close() },
	}, nil
}

func (w pgxWay) bare(ctx context.Context) (source, error) {
	pool, err := pgxpool.NewWithConfig(ctx, w.cfg.Copy())
	if err != nil {
		return nil, err
	}
	return &pgxSource{
		acquire: func(ctx context.Context) (pgxConn, error) { return pool.Acquire(ctx) },
		end:     pool.Close,
	}, nil
}

type pgxSource struct {
	acquire func(context.Context) (pgxConn, error)
	end     func()
}

func (s *pgxSource) session(ctx context.Context) (teller, error) {
	c, err := s.acquire(ctx)
	if err != nil {
		return nil, err
	}
	return &pgxSession{conn: c}, nil
}

func (s *pgxSource) Close() error {
	s.end()
	return nil
}

// pgxConn is what pgx's connections and those through the cache have in common.
type pgxConn interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error)
	BeginTx(ctx context.Context, opts pgx.TxOptions) (pgx.Tx, error)
	Release()
}

type pgxSession struct {
	conn pgxConn
	tx   pgx.Tx
}

func (s *pgxSession) close() {
	if s.tx != nil {
		s.tx.Rollback(context.Background()) // it may have ended
	}
	s.conn.Release()
}

func (s *pgxSession) forget(ctx context.Context, all bool) {
	if c, ok := s.conn.(*pgxpool.Conn); ok && all {
		c.Conn().DeallocateAll(ctx)
	}
}

func (s *pgxSession) discard() {
	if c, ok := s.conn.(*pgxpool.Conn); ok {
		c.Conn().Close(context.Background())
	}
	s.close()
}

func (s *pgxSession) do(ctx context.Context, op *Op) answer {
	switch op.Action {
	case Begin:
		tx, err := s.conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.TxIsoLevel(op.SQL)})
		if err == nil {
			s.tx = tx
		}
		return answer{err: err}
	case Commit, Rollback:
		return answer{err: s.finish(ctx, op.Action)}
	case Copy:
		return s.copy(ctx, op)
	case Query:
		args := op.Args
		if op.Prepared { // another way to send it
			args = append([]any{pgx.QueryExecModeExec}, args...)
		}
		query := s.conn.Query
		if s.tx != nil {
			query = s.tx.Query
		}
		return readPgx(query(ctx, op.SQL, args...))
	}
	exec := s.conn.Exec
	if s.tx != nil {
		exec = s.tx.Exec
	}
	tag, err := exec(ctx, op.SQL, op.Args...)
	return answer{affected: tag.String(), err: err}
}

func (s *pgxSession) copy(ctx context.Context, op *Op) answer {
	names := strings.Fields(op.SQL)
	var rows [][]any
	for row := range slices.Chunk(op.Args, len(names)-1) {
		rows = append(rows, row)
	}
	from := s.conn.CopyFrom
	if s.tx != nil {
		from = s.tx.CopyFrom
	}
	n, err := from(ctx, pgx.Identifier{names[0]}, names[1:], pgx.CopyFromRows(rows))
	return answer{affected: fmt.Sprint(n), err: err}
}

func (s *pgxSession) finish(ctx context.Context, how Action) error {
	tx := s.tx
	s.tx = nil
	switch {
	case tx == nil:
		return pgx.ErrTxClosed
	case how == Rollback:
		return tx.Rollback(ctx)
	}
	return tx.Commit(ctx)
}

// readPgx drains and closes rows: their values, and the bytes they came in.
func readPgx(rows pgx.Rows, err error) answer {
	if err != nil {
		return answer{err: err}
	}
	defer rows.Close()
	var a answer
	for rows.Next() {
		vals, err := rows.Values()
		if err != nil {
			return answer{err: err}
		}
		a.rows = append(a.rows, row(vals)+fmt.Sprintf(" %q", rows.RawValues()))
	}
	for _, f := range rows.FieldDescriptions() {
		a.cols += fmt.Sprintf("%s %d %d %d, ", f.Name, f.DataTypeOID, f.TypeModifier, f.Format)
	}
	a.err = rows.Err()
	return a
}
