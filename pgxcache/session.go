package pgxcache

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cacheops/cacheops/sqlcache"
)

// session is a virtual connection with what pgx knows of a connection. It is used
// by one goroutine at a time.
type session struct {
	*sqlcache.Virtual
	pool  *Pool
	from  *types // of the connections
	types typeMap
	args  []driver.NamedValue
	// prepared are the texts of the statements that the program has named.
	prepared map[string]string
}

// query runs a statement with rows. Where they are the last use of the session it
// is given back with them.
func (s *session) query(ctx context.Context, text string, args []any, last bool) (pgx.Rows, error) {
	src, err := s.packed(ctx, text, args)
	if err == nil {
		return newRows(src, s, last), nil
	}
	if last {
		s.pool.give(s)
	}
	if late, is := errors.AsType[lateError](err); is {
		return failed(late.error), nil
	}
	return failed(err), err
}

// packed runs a statement with rows, which come in packed form.
func (s *session) packed(ctx context.Context, text string, args []any) (driver.Rows, error) {
	text, named, err := s.statement(ctx, text, args)
	if err != nil {
		return nil, err
	}
	src, err := s.QueryContext(ctx, text, named)
	if err != nil {
		return nil, err
	}
	s.types.current(s.from)
	return src, nil
}

// exec runs a statement.
func (s *session) exec(ctx context.Context, text string, args []any) (pgconn.CommandTag, error) {
	text, named, err := s.statement(ctx, text, args)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	res, err := s.ExecContext(ctx, text, named)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	r, ok := res.(result)
	if !ok {
		return pgconn.CommandTag{}, fmt.Errorf("pgxcache: a result of an unknown form: %T", res)
	}
	return r.tag, nil
}

// statement takes the options out of the arguments, as pgx does, and rewrites the
// text.
func (s *session) statement(ctx context.Context, text string, args []any) (string, []driver.NamedValue, error) {
	mode, how := s.pool.mode, s.pool.call
	var columns pgx.QueryResultFormats
	var oids pgx.QueryResultFormatsByOID
	var rewriter pgx.QueryRewriter
options:
	for len(args) > 0 {
		switch a := args[0].(type) {
		case pgx.QueryResultFormats:
			columns, how = a, nil
		case pgx.QueryResultFormatsByOID:
			oids, how = a, nil
		case pgx.QueryExecMode:
			mode, how = a, nil
		case pgx.QueryRewriter:
			rewriter = a
		default:
			break options
		}
		args = args[1:]
	}
	if how == nil {
		how = newCall(mode, columns, oids)
	}
	return s.bound(ctx, text, args, how, rewriter)
}

// queued is statement for one of a batch, whose only options are rewriters.
func (s *session) queued(ctx context.Context, text string, args []any) (string, []driver.NamedValue, error) {
	var rewriter pgx.QueryRewriter
	for len(args) > 0 {
		w, ok := args[0].(pgx.QueryRewriter)
		if !ok {
			break
		}
		rewriter, args = w, args[1:]
	}
	return s.bound(ctx, text, args, s.pool.call, rewriter)
}

// bound is a statement with its arguments as the engine takes them.
func (s *session) bound(ctx context.Context, text string, args []any, how any, rewriter pgx.QueryRewriter) (string, []driver.NamedValue, error) {
	if rewriter != nil {
		var err error
		if text, args, err = s.rewrite(ctx, rewriter, text, args); err != nil {
			return "", nil, fmt.Errorf("rewrite query failed: %w", err)
		}
	}
	if known, ok := s.prepared[text]; ok {
		text = known
	} else if s.from.own {
		text = s.from.text(text)
	}
	s.types.current(s.from)
	s.args = appendArgs(s.args[:0], args, s.types.Map)
	if s.types.from != nil && s.types.from.odd {
		hide(s.args)
	}
	s.args = append(s.args, driver.NamedValue{Ordinal: len(args) + 1, Value: how})
	return text, s.args, nil
}

// rewrite gives a rewriter the connection that it may ask, which pgx's own do not.
func (s *session) rewrite(ctx context.Context, w pgx.QueryRewriter, text string, args []any) (newText string, newArgs []any, err error) {
	switch w.(type) {
	case pgx.NamedArgs, pgx.StrictNamedArgs:
		return w.RewriteQuery(ctx, nil, text, args)
	}
	err = s.Hold(ctx, func(c driver.Conn) (err error) {
		newText, newArgs, err = w.RewriteQuery(ctx, c.(*real).pgx(), text, args)
		return err
	})
	return newText, newArgs, err
}

// prepare prepares a statement on the real connection, which stays while the
// transaction or the acquired connection does; its name stands for its text here.
func (s *session) prepare(ctx context.Context, name, text string) (sd *pgconn.StatementDescription, err error) {
	err = s.Hold(ctx, func(c driver.Conn) (err error) {
		sd, err = c.(*real).pgx().Prepare(ctx, "", text)
		return err
	})
	if err != nil {
		return nil, err
	}
	own := *sd
	own.Name = name
	if name != "" {
		if s.prepared == nil {
			s.prepared = make(map[string]string)
		}
		s.prepared[name] = text
	}
	return &own, nil
}

// usable reports whether the next user may have the session.
func (s *session) usable() bool { return !s.InTx() && s.IsValid() && s.Idle() }
