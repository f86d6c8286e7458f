package fuzz

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cacheops/cacheops"
)

// Racers are processes that read and write at the same time, over one store and
// one database file.
type Racers struct {
	// Start makes the processes ready for a database.
	Start func(dsn string) error
	// Clients are the processes. Reader and writer i run in Client(i % Processes).
	Processes int
	Client    func(i int) *Client
	// Before, if set, runs before attempt n of process by; nobody writes then.
	Before func(ctx context.Context, n, by int)
	// After, if set, runs after it. Where the process ended within the attempt,
	// it returns only when another is in its place.
	After func(ctx context.Context, by int)
}

// RaceRemote is Race with the readers and writers in other processes.
func RaceRemote(ctx context.Context, seed uint64, size RaceSize, rs *Racers) (h *History, err error) {
	dir, err := os.MkdirTemp(scratchDir(), "race")
	if err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r, script, err := newRace(seed, size.defaults())
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "race.db")
	if err := setUp(ctx, path, script); err != nil {
		return nil, err
	}
	name := dsn(path, append([]string{"busy_timeout(10000)"}, script.Pragmas...))
	if err := rs.Start(name); err != nil {
		return nil, fmt.Errorf("start the processes: %w", err)
	}
	r.bare = sql.OpenDB(NewRecorder(name))
	r.peer = func(i int) peer { return rs.Client(i % rs.Processes) }
	r.processes, r.before, r.after = rs.Processes, rs.Before, rs.After
	r.idle = 50 * time.Millisecond
	r.run(ctx)
	return r.h, errors.Join(r.failed, r.bare.Close())
}

// JudgeWithin is Judge for caches that may be behind others' writes for a while,
// but not behind their own process's.
func JudgeWithin(h *History, bound time.Duration) error {
	late := *h
	late.Seen = slices.Clone(h.Seen)
	for i := range late.Seen {
		s := &late.Seen[i]
		s.From = h.oldest(s, bound)
	}
	return Judge(&late)
}

// oldest returns the first state that a read may have seen: the writes that were
// over for longer than the bound were known everywhere, and so was, in its own
// process, a write that changed the very answer.
func (h *History) oldest(s *Seen, bound time.Duration) int64 {
	for n := s.From; n > 0; n-- {
		e := &h.Ends[n-1]
		own := e.by == s.By && h.Truth[n-1][s.Read] != h.Truth[n][s.Read]
		if own || s.At-e.at > bound {
			return n
		}
	}
	return 0
}

// JudgeWrites returns an error for the first attempt whose author was told that
// the store had refused it, or that it was rolled back, and that changed
// something all the same.
func JudgeWrites(h *History) error {
	for i, a := range h.Attempts {
		err := h.Ends[i].err
		told := errors.Is(err, cacheops.ErrStore) || a.rollback
		if !told || h.Content[i] == h.Content[i+1] || errors.Is(err, ErrGone) || slices.ContainsFunc(a.stmts, keeps) {
			continue
		}
		return fmt.Errorf("seed %d: attempt %d changed the database, and its author was told: %w\n%v", h.Seed, i, err, a)
	}
	return nil
}

// keeps reports whether a statement may end its transaction, or fail and keep
// rows, so that more is committed than what the attempt's end says.
func keeps(c Call) bool {
	text := strings.ToUpper(c.SQL)
	return strings.Contains(text, "FAIL") || strings.Contains(text, "ROLLBACK") || strings.Contains(text, ";")
}

// Failures counts the attempts that were reported failed for want of the store,
// with an unknown outcome, and those whose process ended.
func (h *History) Failures() (store, unknown, gone int) {
	for _, e := range h.Ends {
		switch {
		case errors.Is(e.err, cacheops.ErrStore):
			store++
		case errors.Is(e.err, cacheops.ErrOutcomeUnknown):
			unknown++
		case errors.Is(e.err, ErrGone):
			gone++
		}
	}
	return store, unknown, gone
}
