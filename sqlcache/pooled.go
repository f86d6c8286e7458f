package sqlcache

import (
	"context"
	"database/sql/driver"
	"io"
	"reflect"
	"sync"
)

// pooled is a connection of the inner pool with what outlives a lease of it. It
// is used by whoever leases the connection.
type pooled struct {
	driver.Conn
	// seen is the engine's count of moves at which the connection last looked at
	// the schema.
	seen uint64
	kept kept
	// session is the connection's, as met at that count, plus one, of moves; 0 for
	// not yet.
	session session
	met     uint64
	// lock is what the connection's writers hold on MySQL, nil for none yet.
	lock *writerLock
	// atOnce says that nothing is inserted later there: see mysql.atOnce.
	atOnce bool
}

var (
	_ driver.SessionResetter = (*pooled)(nil)
	_ driver.Validator       = (*pooled)(nil)
)

// Close closes the statements first: SQLite would otherwise keep the connection
// half open.
func (p *pooled) Close() error {
	p.kept.forget()
	err := p.Conn.Close()
	p.forgetLock()
	return err
}

// ResetSession forwards what the inner pool asks.
func (p *pooled) ResetSession(ctx context.Context) error {
	if r, ok := p.Conn.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

// IsValid forwards what the inner pool asks.
func (p *pooled) IsValid() bool {
	v, ok := p.Conn.(driver.Validator)
	return !ok || v.IsValid()
}

// keeping makes the connections of an inner pool of our own.
type keeping struct{ driver.Connector }

var _ io.Closer = keeping{}

func (k keeping) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := k.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	r, ok := c.(RealConn)
	if !ok {
		return &pooled{Conn: c, kept: newKept(c)}, nil
	}
	room := r.Lasting()
	p, met := (*room).(*pooled)
	if !met {
		p = &pooled{}
		*room = p
	}
	p.Conn = c
	return p, nil
}

// Close is called with the pool's.
func (k keeping) Close() error {
	if c, ok := k.Connector.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// strangers remembers the connections of a pool that somebody else opened.
// Nobody tells us when one is closed, so nothing that needs closing is kept of
// them, and now and then all are forgotten.
type strangers struct {
	mu    sync.Mutex
	known map[driver.Conn]*pooled
}

const maxStrangers = 256

func (s *strangers) of(c driver.Conn) *pooled {
	if !reflect.TypeOf(c).Comparable() {
		return &pooled{Conn: c}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.known[c]; ok {
		return p
	}
	if s.known == nil || len(s.known) >= maxStrangers {
		s.known = make(map[driver.Conn]*pooled)
	}
	p := &pooled{Conn: c}
	s.known[c] = p
	return p
}
