package gormcache

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"unsafe"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
)

// Arg stands for the n-th argument, from zero, of a query that is compiled.
type Arg int

// Compiled is a query that GORM has built once, to be run with new arguments. It
// may be used from many goroutines.
type Compiled[T any] struct {
	db    *gorm.DB
	args  int
	find  *built
	first *built
	after bool // T has an AfterFind
}

// built is a statement with places for arguments.
type built struct {
	text   string
	vars   []any
	places []place
	plugin *Plugin
	pool   *pool // nil where its reads are not to be answered from objects
	steps  steps // of a query, as they were then
	said   *call
	// stmt is what was built. Nobody changes it any more.
	stmt *gorm.Statement
}

type place struct{ at, arg int }

// Compile builds a query of models T, of whose conditions those with an [Arg] for
// value are open:
//
//	recent, err := gormcache.Compile[Article](db, func(tx *gorm.DB) *gorm.DB {
//		return tx.Where("category = ?", gormcache.Arg(0)).Order("id DESC").Limit(20)
//	})
//	…
//	articles, err := recent.Find(ctx, 5)
//
// The scopes of this package work as elsewhere; hooks run. What chain and the
// program's own callbacks make of a context goes into the statement once, as they
// see it here. A db with callbacks of other packages for queries has them run each
// time, and objects are then not copied but scanned. It fails if the query cannot
// be built, and for one with preloads, which are queries of their own.
func Compile[T any](db *gorm.DB, chain func(tx *gorm.DB) *gorm.DB) (*Compiled[T], error) {
	p, ok := db.Plugins[pluginName].(*Plugin)
	if !ok {
		return nil, errors.New("gormcache: compile: the db does not use the plugin")
	}
	if _, inTx := db.Statement.ConnPool.(gorm.TxCommitter); inTx {
		return nil, errors.New("gormcache: compile: the db is a transaction; see Compiled.In")
	}
	dry := func() *gorm.DB { return chain(db.Session(&gorm.Session{DryRun: true}).Model(new(T))) }
	c := &Compiled[T]{db: db}
	var many []T
	var one T
	var err error
	if c.find, err = p.built(dry().Find(&many)); err != nil {
		return nil, err
	}
	if c.first, err = p.built(dry().First(&one)); err != nil {
		return nil, err
	}
	if s := c.find.stmt.Schema; s != nil {
		c.after = s.AfterFind && !c.find.stmt.SkipHooks
	}
	for _, pl := range c.find.places {
		c.args = max(c.args, pl.arg+1)
	}
	return c, nil
}

func (p *Plugin) built(tx *gorm.DB) (*built, error) {
	stmt := tx.Statement
	switch {
	case tx.Error != nil && !errors.Is(tx.Error, gorm.ErrRecordNotFound):
		return nil, fmt.Errorf("gormcache: compile: %w", tx.Error)
	case len(stmt.Preloads) > 0:
		return nil, errors.New("gormcache: compile: a query with preloads is several")
	}
	b := &built{text: stmt.SQL.String(), vars: slices.Clone(stmt.Vars), plugin: p, said: saidOf(stmt), stmt: stmt}
	b.steps = stepsOf(tx)
	if usual(tx) && b.steps.usual() && p.keepable(tx, len(stmt.Joins) > 0) {
		b.pool = p.pool(stmt.ConnPool)
	}
	for i, v := range b.vars {
		if a, ok := v.(Arg); ok {
			if a < 0 {
				return nil, fmt.Errorf("gormcache: compile: argument %d", a)
			}
			b.places = append(b.places, place{i, int(a)})
		}
	}
	return b, nil
}

// In returns the query to be run in tx, a transaction or another session of the
// same db.
func (c *Compiled[T]) In(tx *gorm.DB) *Compiled[T] {
	in := *c
	in.db = tx
	in.find, in.first = c.find.plainly(), c.first.plainly()
	return &in
}

func (b *built) plainly() *built {
	in := *b
	in.pool = nil
	return &in
}

// Find returns all rows. Arguments are single values: a nil or a list would have
// made another statement, and is an error.
func (c *Compiled[T]) Find(ctx context.Context, args ...any) ([]T, error) {
	var room room
	vars, err := c.find.fill(room[:0], c.args, args)
	if err != nil {
		return nil, err
	}
	o, ctx := c.find.look(ctx, vars, reflect.TypeFor[[]T]())
	if o == nil {
		var out []T
		err := c.run(ctx, c.find, vars).Find(&out).Error
		return out, err
	}
	kept := *o.pointer.(*[]T)
	out := make([]T, len(kept))
	copy(out, kept)
	if elem := o.cloner.elem; !elem.flat {
		for i := range out {
			elem.own(unsafe.Pointer(&out[i]))
		}
	}
	if c.after {
		for i := range out {
			if err := c.hook(ctx, &out[i]); err != nil {
				return out, err
			}
		}
	}
	return out, nil
}

// First returns the first row by primary key, or the first of the query's own
// order and then the key. Without one the error is gorm.ErrRecordNotFound.
func (c *Compiled[T]) First(ctx context.Context, args ...any) (T, error) {
	var room room
	vars, err := c.first.fill(room[:0], c.args, args)
	if err != nil {
		var none T
		return none, err
	}
	o, ctx := c.first.look(ctx, vars, reflect.TypeFor[T]())
	if o == nil {
		var out T
		err := c.run(ctx, c.first, vars).Take(&out).Error
		return out, err
	}
	if o.count == 0 {
		var none T
		return none, gorm.ErrRecordNotFound
	}
	if o.cloner.flat && !c.after {
		return *o.pointer.(*T), nil
	}
	out := new(T)
	*out = *o.pointer.(*T)
	if !o.cloner.flat {
		o.cloner.own(unsafe.Pointer(out))
	}
	if c.after {
		err = c.hook(ctx, out)
	}
	return *out, err
}

func (c *Compiled[T]) hook(ctx context.Context, v *T) error {
	h, ok := any(v).(callbacks.AfterFindInterface)
	if !ok {
		h, ok = any(*v).(callbacks.AfterFindInterface) // T is a pointer
	}
	if !ok {
		return nil
	}
	return h.AfterFind(c.db.Session(&gorm.Session{NewDB: true, Context: ctx}))
}

// run runs the statement through GORM, as if by Raw, with what the chain has said
// of how it is run and scanned: clauses of no text choose a database, too.
func (c *Compiled[T]) run(ctx context.Context, b *built, vars []any) *gorm.DB {
	tx := c.db.Session(&gorm.Session{NewDB: true, Context: ctx}).Model(new(T))
	stmt := tx.Statement
	maps.Copy(stmt.Clauses, b.stmt.Clauses)
	b.stmt.Settings.Range(func(k, v any) bool { stmt.Settings.Store(k, v); return true })
	stmt.Table, stmt.Joins, stmt.ColumnMapping, stmt.SkipHooks = b.stmt.Table, b.stmt.Joins, b.stmt.ColumnMapping, b.stmt.SkipHooks
	stmt.SQL.WriteString(b.text)
	stmt.Vars = slices.Clone(vars)
	return tx
}

var errSingle = errors.New("gormcache: an argument of a compiled query is nil or a list")

// room is for the values of a statement on the stack: a hit keeps none of them.
type room [8]any

// fill appends the statement's values to vars, with the arguments in their places.
func (b *built) fill(vars []any, want int, args []any) ([]any, error) {
	if len(args) != want {
		return nil, fmt.Errorf("gormcache: a compiled query with %d arguments was given %d", want, len(args))
	}
	vars = append(vars, b.vars...)
	for _, p := range b.places {
		if !single(args[p.arg]) {
			return nil, fmt.Errorf("%w (%T)", errSingle, args[p.arg])
		}
		vars[p.at] = args[p.arg]
	}
	return vars, nil
}

func single(v any) bool {
	switch v.(type) {
	case nil:
		return false
	case int, int64, string, bool, float64, []byte:
		return true
	}
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Slice, reflect.Map, reflect.Func, reflect.Chan:
		return false
	case reflect.Pointer:
		if r.IsNil() {
			return false
		}
	}
	if valuer, ok := v.(driver.Valuer); ok {
		made, err := valuer.Value()
		return made != nil || err != nil // an error is the statement's
	}
	return true
}

// look returns the object of a hit. Otherwise the statement is to be run in the
// context that it returns.
func (b *built) look(ctx context.Context, vars []any, t reflect.Type) (*object, context.Context) {
	if b.pool == nil || b.steps.changed() {
		return nil, ctx
	}
	if b.said != nil {
		ctx = b.said.in(ctx)
	}
	rows, missed := b.pool.reader.Lookup(ctx, b.text, vars)
	if rows == nil {
		return nil, missed.In(ctx)
	}
	if o := b.plugin.objects.get(rows, t); o != nil {
		return o, ctx
	}
	return nil, b.pool.reader.Found(b.text, vars, rows).In(ctx)
}
