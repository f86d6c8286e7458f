package cacheops

import (
	"context"
	"encoding/binary"
	"slices"
	"strings"
)

// What a function reads depends on the sessions it reads in, and its results must
// not be shared by callers who would not share the reads. Which sessions those
// will be is not known when the key is made. So the key of every function's result
// holds the sessions in which the attached databases would now be read, and a
// result is kept only if each read was made in one of them.

// session is one backend's present session.
type session struct {
	of   func(ctx context.Context) (string, bool)
	gone func() bool
}

// join adds a backend's session to the database's. The cache is locked.
func (d *Database) join(b *Backend) {
	now := []session{{of: b.Session, gone: b.Gone}}
	if old := d.sessions.Load(); old != nil {
		for _, s := range *old {
			if s.gone == nil || !s.gone() {
				now = append(now, s)
			}
		}
	}
	d.sessions.Store(&now)
}

// publish makes the list that keys are made from. The cache is locked.
func (c *Cache) publish() {
	list := make([]*Database, 0, len(c.databases))
	for _, d := range c.databases {
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b *Database) int { return strings.Compare(a.name, b.name) })
	c.known.Store(&list)
	c.functions.alike.Store(alike(list))
}

// alike returns what appendSessions appends whatever the context; nil where that
// is not so, because some database has sessions of its own.
func alike(list []*Database) *[]byte {
	var b []byte
	for _, d := range list {
		of := *d.sessions.Load()
		if len(of) != 1 || of[0].of != nil {
			return nil
		}
		b = append(append(b, d.part...), sessionOne, 0)
	}
	b = append(b, sessionsOver)
	return &b
}

// knownDatabases returns the attached databases, in the order of their names.
func (c *Cache) knownDatabases() []*Database {
	if list := c.known.Load(); list != nil {
		return *list
	}
	return nil
}

const (
	sessionNone  byte = iota // the call has none: it is not cached
	sessionOne               // followed by it
	sessionMany              // followed by their number and each of them
	sessionsOver             // ends the list of databases
)

// appendSessions appends the sessions in which ctx would read now.
func (c *Cache) appendSessions(ctx context.Context, b []byte) []byte {
	if same := c.functions.alike.Load(); same != nil {
		return append(b, *same...)
	}
	for _, d := range c.knownDatabases() {
		b = append(b, d.part...)
		list := *d.sessions.Load()
		if len(list) == 1 {
			if list[0].of == nil {
				b = append(b, sessionOne, 0)
			} else if s, ok := list[0].of(ctx); ok {
				b = appendPart(append(b, sessionOne), s)
			} else {
				b = append(b, sessionNone)
			}
			continue
		}
		all := d.inAll(ctx)
		b = binary.AppendUvarint(append(b, sessionMany), uint64(len(all)))
		for _, s := range all {
			b = appendPart(b, s)
		}
	}
	return append(b, sessionsOver)
}

func (s *session) in(ctx context.Context) (string, bool) {
	if s.of == nil {
		return "", true
	}
	return s.of(ctx)
}

// inAll returns the different sessions of a database's backends, in order, those
// that are none left out.
func (d *Database) inAll(ctx context.Context) []string {
	var all []string
	for _, s := range *d.sessions.Load() {
		if s.gone != nil && s.gone() {
			continue
		}
		if one, ok := s.in(ctx); ok {
			all = append(all, one)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// foreign says why reads made in those sessions cannot be part of what is kept
// under a key with the sessions of ctx; empty if they can. chosen says that a
// scope tells apart by which of several sessions a function reads.
func (c *Cache) foreign(ctx context.Context, seen map[sessionSeen]struct{}, chosen bool) string {
	for s := range seen {
		d := c.database(s.database)
		if d == nil {
			return "reads a database that is not attached"
		}
		all := d.inAll(ctx)
		switch {
		case !slices.Contains(all, s.session):
			return "reads in a session that its key does not hold"
		case len(all) > 1 && !chosen:
			return "the database is read in several sessions, and no Scope says in which"
		}
	}
	return ""
}
