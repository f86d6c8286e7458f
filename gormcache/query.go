package gormcache

import (
	"context"
	"reflect"

	"gorm.io/gorm"

	"github.com/cacheops/cacheops/internal/rowset"
)

// query takes the place of GORM's own callbacks.Query, of which it keeps the
// order: build, run, scan. Preloads and hooks come after it.
func (p *Plugin) query(db *gorm.DB) {
	if db.Error != nil {
		return
	}
	p.build(db)
	if db.DryRun || db.Error != nil || !p.admits(db) {
		return
	}
	stmt := db.Statement
	heed(stmt)
	ctx := stmt.Context
	pool := p.pool(stmt.ConnPool)
	if pool == nil {
		run(ctx, db)
		return
	}
	text := stmt.SQL.String()
	rows, missed := pool.reader.Lookup(ctx, text, stmt.Vars)
	if rows == nil {
		run(missed.In(ctx), db)
		return
	}
	p.answer(ctx, db, pool, rows)
}

// run runs a statement that has been built.
func run(ctx context.Context, db *gorm.DB) {
	rows, err := db.Statement.ConnPool.QueryContext(ctx, db.Statement.SQL.String(), db.Statement.Vars...) //nolint:rowserrcheck // Scan checks them
	if err != nil {
		_ = db.AddError(err)
		return
	}
	defer func() { _ = db.AddError(rows.Close()) }()
	gorm.Scan(rows, db, 0)
	if db.Statement.Result != nil {
		db.Statement.Result.RowsAffected = db.RowsAffected
	}
}

// answer answers a statement from recorded rows.
func (p *Plugin) answer(ctx context.Context, db *gorm.DB, on *pool, rows *rowset.Set) {
	usual := usual(db)
	if usual {
		if made := p.objects.get(rows, db.Statement.ReflectValue.Type()); made != nil {
			made.give(db)
			return
		}
	}
	found := on.reader.Found(db.Statement.SQL.String(), db.Statement.Vars, rows)
	run(found.In(ctx), db)
	if !found.Taken() || !usual || db.Error != nil && (db.RowsAffected != 0 || db.Error != gorm.ErrRecordNotFound) { //nolint:errorlint // what Scan itself has set
		return
	}
	if p.keepable(db, related(rows)) {
		p.objects.put(rows, db.Statement.ReflectValue, db.RowsAffected)
	}
}

// give does what gorm.Scan does with the rows that the object was made of.
func (o *object) give(db *gorm.DB) {
	stmt := db.Statement
	dst := stmt.ReflectValue
	switch {
	case dst.Kind() == reflect.Slice && dst.Cap() > 0:
		o.append(dst)
	case o.count > 0 || dst.Kind() == reflect.Slice:
		o.copyTo(dst)
	}
	db.RowsAffected = o.count
	if o.count == 0 && stmt.RaiseErrorOnNotFound {
		_ = db.AddError(gorm.ErrRecordNotFound)
	}
	if stmt.Result != nil {
		stmt.Result.RowsAffected = db.RowsAffected
	}
}

// append uses the room that a program's slice has, as GORM does.
func (o *object) append(dst reflect.Value) {
	fresh := reflect.New(dst.Type()).Elem()
	o.copyTo(fresh)
	dst.SetLen(0)
	dst.Set(reflect.AppendSlice(dst, fresh))
}
