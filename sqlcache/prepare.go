package sqlcache

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
)

// realStmt is a prepared statement of the bare driver. Where the driver keeps
// rules for arguments in its statements, they are applied here.
type realStmt struct {
	driver.Stmt
	lease *lease
}

func (l *lease) prepare(ctx context.Context, text string) (*realStmt, error) {
	if p, ok := l.real.(driver.ConnPrepareContext); ok {
		s, err := p.PrepareContext(ctx, text)
		if err != nil {
			return nil, l.note(err)
		}
		return &realStmt{Stmt: s, lease: l}, l.note(nil)
	}
	s, err := l.real.Prepare(text)
	if err != nil {
		return nil, l.note(err)
	}
	if err := ctx.Err(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &realStmt{Stmt: s, lease: l}, l.note(nil)
}

// converts reports whether the statement has rules of its own for arguments.
func (s *realStmt) converts() bool { return converts(s.Stmt) }

func converts(s driver.Stmt) bool {
	_, checks := s.(driver.NamedValueChecker)
	_, columns := s.(driver.ColumnConverter) //nolint:staticcheck // old drivers have it
	return checks || columns
}

func (s *realStmt) converted(args []driver.NamedValue) ([]driver.NamedValue, error) {
	if s.converts() || s.lease.engine.convert {
		var err error
		if args, err = convertAll(args, s.check); err != nil {
			return nil, err
		}
	}
	if want := s.NumInput(); want != -1 && want != len(args) {
		return nil, fmt.Errorf("sql: expected %d arguments, got %d", want, len(args))
	}
	return args, nil
}

func (s *realStmt) check(nv *driver.NamedValue) error {
	check := s.lease.check
	if nvc, ok := s.Stmt.(driver.NamedValueChecker); ok {
		check = nvc.CheckNamedValue
	}
	if err := check(nv); !errors.Is(err, driver.ErrSkip) {
		return err
	}
	cc, ok := s.Stmt.(driver.ColumnConverter) //nolint:staticcheck // old drivers have it
	if want := s.NumInput(); !ok || want >= 0 && want < nv.Ordinal {
		return driver.ErrSkip
	}
	v, err := cc.ColumnConverter(nv.Ordinal - 1).ConvertValue(nv.Value)
	if err != nil {
		return err
	}
	if !driver.IsValue(v) {
		return fmt.Errorf("driver ColumnConverter error converted %T to unsupported type %T", nv.Value, v)
	}
	nv.Value = v
	return nil
}

func (s *realStmt) query(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	args, err := s.converted(args)
	if err != nil {
		return nil, err
	}
	if q, ok := s.Stmt.(driver.StmtQueryContext); ok {
		return q.QueryContext(ctx, args)
	}
	plain, err := positional(args)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return s.Query(plain) //nolint:staticcheck // old drivers have only this one
}

func (s *realStmt) exec(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	args, err := s.converted(args)
	if err != nil {
		return nil, err
	}
	if x, ok := s.Stmt.(driver.StmtExecContext); ok {
		return x.ExecContext(ctx, args)
	}
	plain, err := positional(args)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return s.Exec(plain) //nolint:staticcheck // old drivers have only this one
}
