package pgxcache

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/cacheops/cacheops"
)

// lone is a connection that is in no pool. It is given out to one at a time.
type lone struct {
	conn *pgx.Conn
	free chan struct{} // holds one token while nobody uses it
}

func (l *lone) take(ctx context.Context) (*pgx.Conn, func(bool), error) {
	select {
	case <-l.free:
		return l.conn, l.give, nil
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

// give leaves a connection open of which the server has said that it is in no
// transaction: its session is the program's, whatever was done to it.
func (l *lone) give(broken bool) {
	if pg := l.conn.PgConn(); broken && (pg.IsBusy() || pg.TxStatus() != 'I') {
		end(l.conn)
	}
	l.free <- struct{}{}
}

func (l *lone) renews() bool { return false }

var errInTx = errors.New("pgxcache: the connection is in a transaction")

// NewConn puts the cache over a connection that was opened by itself, or that is the
// program's for a while, as one acquired from a pool. It must be in no transaction
// and is the cache's until Release, which leaves it open: it must not be used
// directly in between, nor closed. ctx bounds the first look at the database.
//
// Types must be registered with the connection before, or in [Conn.Watch]; where
// there are any the entries are this connection's own, unless [Options].Session says
// that others register the same. What SET changes stays, and the entries follow it.
func NewConn(ctx context.Context, cache *cacheops.Cache, conn *pgx.Conn, opts *Options) (*Conn, error) {
	if conn.PgConn().TxStatus() != 'I' {
		return nil, errInTx
	}
	forgetRooms(conn)
	l := &lone{conn: conn, free: make(chan struct{}, 1)}
	l.free <- struct{}{}
	b := &beneath{source: l, types: &types{own: true}, name: rooms + "lone"}
	alike := pristine(conn.TypeMap())
	p := newPool(cache, b, conn.Config().DefaultQueryExecMode, 1, alike, opts)
	s, err := p.take(ctx)
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("look at the database: %w", err)
	}
	return &Conn{session: s, lone: l, alike: alike && (opts == nil || opts.Session == "")}, nil
}

// forgetRooms has what caches know of a session be found out anew by those that meet
// it later: it may be changed meanwhile.
func forgetRooms(conn *pgx.Conn) {
	maps.DeleteFunc(conn.PgConn().CustomData(), func(name string, _ any) bool { return strings.HasPrefix(name, rooms) })
}

// leave ends the cache's use of a lone connection once nobody uses it for the cache.
func (l *lone) leave(p *Pool) {
	p.Close()
	<-l.free // a read that its caller has given up may still be ending
	forgetRooms(l.conn)
}

// visit is Watch on a lone connection, which stays the same one without being kept.
func (c *Conn) visit(ctx context.Context, f func(*pgx.Conn) error) error {
	s := c.session
	err := s.Visit(ctx, func(dc driver.Conn) error {
		conn := dc.(*real).pgx()
		defer func() {
			s.pool.beneath.types.take(conn.TypeMap())
			s.pool.beneath.types.names(conn)
		}()
		return f(conn)
	})
	if c.alike && !pristine(c.lone.conn.TypeMap()) {
		if pinErr := s.Pin(ctx); pinErr != nil {
			return errors.Join(err, pinErr)
		}
	}
	return err
}
