package gormcache

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/cacheops/cacheops"
)

// Scope says how a query is cached, and every query that is derived from it, its
// preloads included. Several of them add up; NoCache and Cache undo each other,
// the later one counts. Use it with db.Scopes and db.Clauses, as an option of
// gorm.G and, through [Scope.Statement], with the Scopes of the generic API.
type Scope func(db *gorm.DB) *gorm.DB

var (
	_ clause.Expression      = Scope(nil)
	_ gorm.StatementModifier = Scope(nil)
)

// Cache caches the query whatever the rules say, as long as no rule says Never.
// With ops only reads of these kinds are, and the others not.
func Cache(ops ...cacheops.Ops) Scope {
	return scope(func(c *call) {
		c.off, c.Ops = false, 0
		for _, o := range ops {
			c.Ops |= o
		}
	})
}

// NoCache reads from the database and keeps nothing.
func NoCache() Scope { return scope(func(c *call) { c.off = true }) }

// TTL caches the query, for that long.
func TTL(d time.Duration) Scope { return scope(func(c *call) { c.TTL = d }) }

// Extra caches the query under a key with these values in it. They are told apart
// by type and content, pointers by what they point at; one that no key can hold,
// such as a function, fails the query.
func Extra(values ...any) Scope {
	key, err := cacheops.ExtraKey(values...)
	if err != nil {
		return func(db *gorm.DB) *gorm.DB {
			tx := db.Clauses()
			_ = tx.AddError(fmt.Errorf("gormcache: %w", err))
			return tx
		}
	}
	return scope(func(c *call) { c.Extra += key })
}

// WriteOnly reads from the database and refreshes the entry.
func WriteOnly() Scope { return scope(func(c *call) { c.WriteOnly = true }) }

// Statement applies the scope to a statement, for Scopes of the generic API:
//
//	gorm.G[Article](db).Scopes(gormcache.NoCache().Statement)
func (s Scope) Statement(stmt *gorm.Statement) { s.ModifyStatement(stmt) }

// ModifyStatement implements gorm.StatementModifier.
func (s Scope) ModifyStatement(stmt *gorm.Statement) { s(stmt.DB) }

// Build implements clause.Expression; a scope is no part of the SQL.
func (Scope) Build(clause.Builder) {}

// call is what scopes have said of a statement. It is immutable once stored.
type call struct {
	cacheops.Call
	off bool
}

// callKey is the name of a clause that is never built. Clauses go along with
// whatever is derived from a statement, as settings do, and cost less to look up.
const callKey = "cacheops:call"

type callClause struct {
	clause.Expression
	call *call
}

func scope(change func(*call)) Scope {
	return func(db *gorm.DB) *gorm.DB {
		tx := db.Clauses() // a statement of its own, where db is one that others derive from
		var c call
		if said := saidOf(tx.Statement); said != nil {
			c = *said
		}
		change(&c)
		say(tx.Statement, &c)
		return tx
	}
}

func say(stmt *gorm.Statement, c *call) {
	stmt.Clauses[callKey] = clause.Clause{Expression: callClause{call: c}}
}

// saidOf returns what scopes have said of a statement, nil for nothing.
func saidOf(stmt *gorm.Statement) *call {
	c, _ := stmt.Clauses[callKey].Expression.(callClause)
	return c.call
}

// heed hands what scopes have said on to the statement's context, and so to the
// queries of its preloads.
func heed(stmt *gorm.Statement) {
	if said := saidOf(stmt); said != nil {
		stmt.Context = said.in(stmt.Context)
	}
}

// in returns ctx with what the scopes say. What of the ctx's own call they leave
// open stays.
func (c *call) in(ctx context.Context) context.Context {
	if c.off {
		return cacheops.NoCache(ctx)
	}
	if ctx.Value(saidKey{}) == c {
		return ctx // a statement that is run again
	}
	said := c.Call
	if outer, ok := cacheops.CallOf(ctx); ok {
		said.Report, said.Peek = outer.Report, outer.Peek
		said.Fresh = said.Fresh || outer.Fresh
		said.Extra += outer.Extra
		said.WriteOnly = said.WriteOnly || outer.WriteOnly
		if said.TTL == 0 {
			said.TTL = outer.TTL
		}
	}
	return context.WithValue(cacheops.With(ctx, said), saidKey{}, c)
}

type saidKey struct{}
