package fuzz

import (
	"context"
	"errors"
	"fmt"
	"math"
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
	// Settle, if set, runs after the last attempt and returns when every process has
	// told the store of all that it wrote. Then each reads everything once more.
	Settle func(ctx context.Context) error
}

// RaceRemote is Race with the readers and writers in other processes.
func RaceRemote(ctx context.Context, seed uint64, size RaceSize, rs *Racers) (h *History, err error) {
	return raceOn(ctx, seed, size, func(r *race, name string) (over func() error, err error) {
		if err := rs.Start(name); err != nil {
			return nil, fmt.Errorf("start the processes: %w", err)
		}
		r.peer = func(i int) peer { return rs.Client(i % rs.Processes) }
		r.processes, r.before, r.after, r.settle = rs.Processes, rs.Before, rs.After, rs.Settle
		r.idle = 50 * time.Millisecond
		return func() error { return nil }, nil
	})
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
	if s.Settled {
		return s.From
	}
	for n := s.From; n > 0; n-- {
		e := &h.Ends[n-1]
		own := e.by == s.By && h.Truth[n-1][s.Read] != h.Truth[n][s.Read]
		if own || s.At-e.at > bound {
			return n
		}
	}
	return 0
}

// JudgeDegraded is Judge for caches that commit without their store, and tell it
// later: until it is settled a process is certain to see its own writes alone, and
// no write fails for want of the store but those that ran out of time.
func JudgeDegraded(h *History) error {
	for i, a := range h.Attempts {
		if err := h.Ends[i].err; a.timeout == 0 && errors.Is(err, cacheops.ErrStore) {
			return fmt.Errorf("seed %d: attempt %d failed for want of the store: %w\n%v", h.Seed, i, err, a)
		}
	}
	return JudgeWithin(h, math.MaxInt64)
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
