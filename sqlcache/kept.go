package sqlcache

import (
	"context"
	"database/sql/driver"
)

// kept are prepared statements of one real connection, for SQLite: compiling a
// statement takes it longer than running it does. Every one has been reset, so that
// it holds no lock and no snapshot; SQLite itself compiles one anew that the
// schema or a setting has outdated.
//
// They are for single statements on connections whose session is like all the
// others'. Only drivers keep any that would run the text in the same way
// without preparing it. The zero kept keeps nothing.
type kept struct {
	prepare driver.ConnPrepareContext // nil where nothing is kept
	byText  map[string]*keptStmt
	clock   uint64 // of uses
}

// maxKept bounds the statements kept of a connection; each takes SQLite some
// kilobytes.
const maxKept = 32

// maxKeptText is the longest text whose statement is kept, in bytes.
const maxKeptText = 16 << 10

// fullStmt is what statements must have to be kept.
type fullStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type keptStmt struct {
	fullStmt
	used uint64
	busy bool // its rows are open
	gone bool // it is kept no longer, and closed with its rows
}

func newKept(c driver.Conn) kept {
	_, query := c.(driver.QueryerContext)
	_, exec := c.(driver.ExecerContext)
	prepare, _ := c.(driver.ConnPrepareContext)
	if !query || !exec {
		prepare = nil
	}
	return kept{prepare: prepare}
}

// get returns the statement of a text, ready to be run; nil if there can be
// none.
func (k *kept) get(ctx context.Context, text string) (*keptStmt, error) {
	if k.prepare == nil || len(text) > maxKeptText {
		return nil, nil
	}
	k.clock++
	if s, ok := k.byText[text]; ok {
		if s.busy {
			return nil, nil
		}
		s.used = k.clock
		return s, nil
	}
	bare, err := k.prepare.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	full, ok := bare.(fullStmt)
	if !ok || converts(bare) {
		k.prepare = nil
		return nil, bare.Close()
	}
	if k.byText == nil {
		k.byText = make(map[string]*keptStmt)
	}
	if len(k.byText) >= maxKept {
		k.dropOldest()
	}
	s := &keptStmt{fullStmt: full, used: k.clock}
	k.byText[text] = s
	return s, nil
}

func (k *kept) dropOldest() {
	oldest, used := "", k.clock
	for text, s := range k.byText {
		if s.used < used {
			oldest, used = text, s.used
		}
	}
	k.drop(oldest)
}

// drop closes the statement of a text.
func (k *kept) drop(text string) {
	s, ok := k.byText[text]
	if !ok {
		return
	}
	delete(k.byText, text)
	s.gone = true
	if !s.busy {
		_ = s.Close() // tells of its latest execution, whose error was returned then
	}
}

// forget closes all of them.
func (k *kept) forget() {
	for text := range k.byText {
		k.drop(text)
	}
}

// keptRows are rows of a kept statement, which is free again once they are
// closed.
type keptRows struct {
	driver.Rows
	stmt *keptStmt
	kept *kept
	text string
}

func (r *keptRows) Close() error {
	err := r.Rows.Close()
	r.stmt.busy = false
	switch {
	case r.stmt.gone:
		_ = r.stmt.Close() // the rows' own error says more
	case err != nil:
		r.kept.drop(r.text)
	}
	return err
}

// statement returns the kept statement of a text that is one statement, nil if
// it is to be run without: on a connection whose session is its own, or with
// the wrong number of arguments, of which the driver tells in words of its own.
func (l *lease) statement(ctx context.Context, text string, args []driver.NamedValue) (*keptStmt, error) {
	if l.dirty || l.bad || !l.keeps() {
		return nil, nil
	}
	s, err := l.pooled.kept.get(ctx, text)
	if err != nil {
		return nil, l.note(err)
	}
	if s != nil {
		if n := s.NumInput(); n >= 0 && n != len(args) {
			return nil, nil
		}
	}
	return s, nil
}

// compiles reports whether the database accepts a statement.
func (l *lease) compiles(ctx context.Context, k *run) bool {
	if k.single {
		if s, err := l.statement(ctx, k.text, k.args); err != nil || s != nil {
			return err == nil
		}
	}
	s, err := l.prepare(ctx, k.text)
	return err == nil && s.Close() == nil
}

// keeps says that the database gains by kept statements. Which one it is the
// first lease finds out.
func (l *lease) keeps() bool {
	return l.engine.dialect != nil && l.engine.dialect.keepsStatements()
}

// queryKept is query for a text that is one statement.
func (l *lease) queryKept(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := l.statement(ctx, text, args)
	switch {
	case err != nil:
		return nil, err
	case s == nil:
		return l.query(ctx, text, args)
	}
	if args, err = l.converted(args); err != nil {
		return nil, err
	}
	k := &l.pooled.kept
	rows, err := s.QueryContext(ctx, args)
	if err != nil {
		k.drop(text)
		return nil, l.note(err)
	}
	s.busy = true
	return &keptRows{Rows: rows, stmt: s, kept: k, text: text}, l.note(nil)
}

// execKept is exec for a text that is one statement.
func (l *lease) execKept(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	s, err := l.statement(ctx, text, args)
	switch {
	case err != nil:
		return nil, err
	case s == nil:
		return l.exec(ctx, text, args)
	}
	if args, err = l.converted(args); err != nil {
		return nil, err
	}
	res, err := s.ExecContext(ctx, args)
	if err != nil {
		l.pooled.kept.drop(text)
	}
	return res, l.note(err)
}
