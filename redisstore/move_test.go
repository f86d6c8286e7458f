package redisstore

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/redisstore/redistest"
)

// TestWriteWhileATableMoves: a table's keys are spread over two nodes, and what
// is not found on the one may stand on the other.
func TestWriteWhileATableMoves(t *testing.T) {
	for name, moved := range map[string]func(*table) []string{
		"the stamp":             func(tb *table) []string { return []string{tb.stampOf(7)} },
		"the table's state":     func(tb *table) []string { return []string{tb.state} },
		"the state and a stamp": func(tb *table) []string { return []string{tb.state, tb.stampOf(7)} },
		"the table's stamp":     func(tb *table) []string { return []string{tb.own} },
		"all but the state":     func(tb *table) []string { return []string{tb.own, tb.stampOf(7)} },
		"all":                   func(tb *table) []string { return []string{tb.own, tb.stampOf(7), tb.state} },
		"nothing yet":           func(*table) []string { return nil },
	} {
		t.Run(name, func(t *testing.T) { writeWhileATableMoves(t, Validated, moved) })
	}
}

// TestTrackedTableMoves: its state has gone ahead of its stamps, so that a write
// touches none of them, and nothing is pushed.
func TestTrackedTableMoves(t *testing.T) {
	writeWhileATableMoves(t, Tracked, func(tb *table) []string { return []string{tb.state} })
}

// writeWhileATableMoves writes while some of a table's keys are on the new node.
func writeWhileATableMoves(t *testing.T, mode Mode, moved func(*table) []string) {
	t.Helper()
	b := newClusterBench(t)
	one, two := pair(t, b, Options{Mode: mode, Heartbeat: time.Minute})
	keep(t, one, lifeKey(1), 7)
	if !hits(t, one, lifeKey(1)) || !hits(t, two, lifeKey(1)) {
		t.Fatal("no hit")
	}
	tb := one.table(lifeTable)
	slot, err := b.server.Do("CLUSTER", "KEYSLOT", tb.state)
	if err != nil {
		t.Fatal(err)
	}
	n := int(slot.(int64))
	from, err := b.cluster.Holder(n)
	if err != nil {
		t.Fatal(err)
	}
	to := b.cluster.Primaries[0]
	if from == to {
		to = b.cluster.Primaries[1]
	}
	move, err := b.cluster.BeginMove(n, to)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range moved(tb) {
		if found, err := from.Do("KEYS", strings.Replace(key, placeholder, "*", 1)); err != nil || len(found.([]any)) != 1 {
			t.Fatal(found, err)
		} else {
			key = found.([]any)[0].(string)
		}
		host, port, err := net.SplitHostPort(to.Addr())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := from.Do("MIGRATE", host, port, "", 0, 5000, "KEYS", key); err != nil {
			t.Fatal(err)
		}
	}
	// Whether it may be cached meanwhile does not matter.
	_, _ = two.Acquire(t.Context(), lifeReads(7))
	w := cacheops.Writer{ID: nonzero()}
	if err := beginAnyhow(t, two, w, 7); err != nil {
		t.Errorf("the write: %v", err)
	}
	never := func(when string) {
		t.Helper()
		for _, s := range []*Store{one, two} {
			greet(t, s)
			if _, err := s.Get(t.Context(), lifeKey(1)); err == nil {
				t.Errorf("%s: what was written over is served", when)
			}
		}
	}
	never("while it moves")
	if err := two.End(t.Context(), w, []string{lifeTable}); err != nil {
		t.Errorf("the end: %v", err)
	}
	never("after the write")
	if err := move.Finish(); err != nil {
		t.Fatal(err)
	}
	never("when it has moved")
	keep(t, two, lifeKey(1), 7)
	if !hits(t, one, lifeKey(1)) {
		t.Error("no hit afterwards")
	}
}

// beginAnyhow begins as the core does: anew where the registry moved.
func beginAnyhow(t *testing.T, s *Store, w cacheops.Writer, tag cacheops.Tag) error {
	reg, err := s.Registry(t.Context(), lifeTable)
	for range 3 {
		if err != nil {
			return err
		}
		var moved []cacheops.Registry
		moved, err = s.Begin(t.Context(), w, []cacheops.TableWrite{{Table: lifeTable, Epoch: reg.Epoch, Version: reg.Version, Tags: []cacheops.Tag{tag}}})
		if err == nil && len(moved) == 0 {
			return nil
		}
		if len(moved) > 0 {
			reg = moved[0]
		}
	}
	return err
}

// TestMoveThatIsGivenUp: the table's own stamp was on the other node while it
// was dropped, and comes back.
func TestMoveThatIsGivenUp(t *testing.T) {
	b := newClusterBench(t)
	one, two := pair(t, b, Options{})
	keep(t, one, lifeKey(1), 7)
	tb := one.table(lifeTable)
	slot, err := b.server.Do("CLUSTER", "KEYSLOT", tb.state)
	if err != nil {
		t.Fatal(err)
	}
	from, err := b.cluster.Holder(int(slot.(int64)))
	if err != nil {
		t.Fatal(err)
	}
	to := b.cluster.Primaries[0]
	if from == to {
		to = b.cluster.Primaries[1]
	}
	if _, err := b.cluster.BeginMove(int(slot.(int64)), to); err != nil {
		t.Fatal(err)
	}
	found, err := from.Do("KEYS", strings.Replace(tb.own, placeholder, "*", 1))
	if err != nil {
		t.Fatal(err)
	}
	own := found.([]any)[0]
	carry := func(from, to *redistest.Server) {
		t.Helper()
		host, port, err := net.SplitHostPort(to.Addr())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := from.Do("MIGRATE", host, port, "", 0, 5000, "KEYS", own); err != nil {
			t.Fatal(err)
		}
	}
	carry(from, to)
	write := []cacheops.TableWrite{{Table: lifeTable, Unverified: true, Tags: []cacheops.Tag{cacheops.TableTag}}}
	if _, err := two.Begin(t.Context(), cacheops.Writer{ID: 1}, write); err != nil {
		t.Fatal(err)
	}
	stay := func(s *redistest.Server) {
		t.Helper()
		if _, err := s.Do("CLUSTER", "SETSLOT", slot, "STABLE"); err != nil {
			t.Fatal(err)
		}
	}
	stay(from)
	carry(to, from)
	stay(to)
	if hits(t, one, lifeKey(1)) || hits(t, two, lifeKey(1)) {
		t.Error("what was written over is served")
	}
}
