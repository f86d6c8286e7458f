package cacheops_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/dep"
	"github.com/cacheops/cacheops/memstore"
)

func TestReadIsCachedUntilItsRowIsWritten(t *testing.T) {
	w := newWorld(t, nil)
	w.set("articles", 1, 10)
	w.set("articles", 2, 20)
	w.expect("first", "articles", 1, 10, false)
	w.expect("again", "articles", 1, 10, true)
	w.expect("another row", "articles", 2, 20, false)
	w.mustWrite("articles", 1, 11)
	w.expect("after its write", "articles", 1, 11, false)
	w.expect("after another row's write", "articles", 2, 20, true)
	w.mustWrite("users", 1, 5)
	w.expect("after another table's write", "articles", 1, 11, true)
}

func TestRulesDecide(t *testing.T) {
	cfg := &cacheops.Config{Rules: []cacheops.Rule{
		{Tables: "users", Ops: cacheops.Get},
		{Tables: "auth_*", Ops: cacheops.All},
		{Tables: "secret*", Never: true},
		{Tables: "news_*"},
		{Tables: "*", Ops: cacheops.Count},
	}}
	tests := []struct {
		table string
		op    cacheops.Ops
		call  *cacheops.Call
		hit   bool
	}{
		{"users", cacheops.Get, nil, true},
		{"users", cacheops.Fetch, nil, false},
		{"users", cacheops.Count, nil, false}, // the first matching rule decides
		{"AUTH_group", cacheops.Aggregate, nil, true},
		{"news_item", cacheops.Fetch, nil, false},
		{"news_item", cacheops.Fetch, &cacheops.Call{}, true},
		{"other", cacheops.Count, nil, true},
		{"other", cacheops.Fetch, nil, false},
		{"secrets", cacheops.Fetch, &cacheops.Call{}, false},
		{"users", cacheops.Get, &cacheops.Call{Ops: cacheops.Count}, false},
		{"users", cacheops.Count, &cacheops.Call{Ops: cacheops.Count}, true},
		{"users", cacheops.Get, &cacheops.Call{WriteOnly: true}, false},
	}
	for _, tt := range tests {
		w := newWorld(t, cfg)
		ctx := t.Context()
		if tt.call != nil {
			ctx = cacheops.With(ctx, *tt.call)
		}
		q := w.query(w.db, tt.table, tt.op)
		w.readAs(ctx, w.db, q, "", 1)
		w.readAs(ctx, w.db, q, "", 1)
		if hit := w.runs == 1; hit != tt.hit {
			t.Errorf("%s of %s with %+v: cached = %v, want %v", tt.op, tt.table, tt.call, hit, tt.hit)
		}
	}
}

func TestNeverRuleOfAJoinedTable(t *testing.T) {
	w := newWorld(t, &cacheops.Config{Rules: []cacheops.Rule{{Tables: "secrets", Never: true}, {Tables: "*", Ops: cacheops.All}}})
	q := &cacheops.Query{Text: "join", Op: cacheops.Fetch, Main: "users", Uses: []string{"main.users", "main.secrets"}}
	w.db.Prepare(q)
	if _, fill := w.db.Lookup(cacheops.With(t.Context(), cacheops.Call{}), q, "", &cacheops.Probe{}); fill {
		t.Error("a read that joins a table nobody may cache is cached")
	}
}

func TestWriteOnlyRefreshes(t *testing.T) {
	w := newWorld(t, nil)
	w.set("t", 1, 1)
	w.expect("fill", "t", 1, 1, false)
	w.set("t", 1, 2) // behind the cache's back
	w.expect("hit", "t", 1, 1, true)
	w.expectIn(cacheops.With(t.Context(), cacheops.Call{WriteOnly: true}), "write-only", "t", 1, 2, false)
	w.expect("refreshed", "t", 1, 2, true)
}

func TestNoCacheAndPeekLeaveNothing(t *testing.T) {
	w := newWorld(t, nil)
	w.expectIn(cacheops.NoCache(t.Context()), "NoCache", "t", 1, 0, false)
	w.expectIn(cacheops.With(t.Context(), cacheops.Call{Peek: true}), "peek", "t", 1, 0, false)
	w.expect("nothing was kept", "t", 1, 0, false)
	var r cacheops.Report
	peek := cacheops.With(t.Context(), cacheops.Call{Peek: true, Report: &r})
	before := w.cache.Stats()
	w.expectIn(peek, "peek at an entry", "t", 1, 0, true)
	if !r.Hit {
		t.Error("the report knows of no hit")
	}
	key := cacheops.TableOp{Table: "t", Op: cacheops.Get}
	if after := w.cache.Stats(); after.Reads[key] != before.Reads[key] {
		t.Errorf("a peek was counted: %+v, then %+v", before.Reads[key], after.Reads[key])
	}
	w.expectIn(cacheops.NoCache(t.Context()), "NoCache passes an entry by", "t", 1, 0, false)
}

func TestTTLOfTheCallOutranksTheRule(t *testing.T) {
	w := newWorld(t, &cacheops.Config{Rules: []cacheops.Rule{{Tables: "*", Ops: cacheops.All, TTL: time.Nanosecond}}})
	w.expect("fill", "t", 1, 0, false)
	eventually(t, "an entry of a nanosecond expires", func() bool { n := w.runs; w.read(t.Context(), "t", 1); return w.runs > n })
	long := cacheops.With(t.Context(), cacheops.Call{TTL: time.Hour})
	w.expectIn(cacheops.With(long, cacheops.Call{TTL: time.Hour, Extra: "x"}), "fill", "t", 1, 0, false)
	w.expectIn(cacheops.With(long, cacheops.Call{TTL: time.Hour, Extra: "x"}), "hit", "t", 1, 0, true)
}

func TestWhatIsInTheKey(t *testing.T) {
	tenant, known := "a", true
	w := newWorld(t, &cacheops.Config{
		Rules:     everything,
		Partition: func(context.Context) (string, bool) { return tenant, known },
	})
	q := w.query(w.db, "t", cacheops.Get)
	read := func(ctx context.Context, session string, n int64) bool {
		before := w.runs
		w.readAs(ctx, w.db, q, session, n)
		return w.runs == before
	}
	extra := cacheops.With(t.Context(), cacheops.Call{Extra: "e"})
	if read(t.Context(), "s1", 1) || !read(t.Context(), "s1", 1) {
		t.Fatal("the same read is not a hit")
	}
	if read(t.Context(), "s2", 1) {
		t.Error("another session was served")
	}
	if read(t.Context(), "s1", 2) {
		t.Error("other arguments were served")
	}
	if read(extra, "s1", 1) {
		t.Error("another extra key was served")
	}
	tenant = "b"
	if read(t.Context(), "s1", 1) {
		t.Error("another tenant was served")
	}
	known = false
	for range 2 {
		if read(t.Context(), "s1", 1) {
			t.Error("a call without a tenant was cached")
		}
	}
	tenant, known = "a", true
	w.mustWrite("t", 1, 9)
	if read(t.Context(), "s1", 1) {
		t.Error("a write outside a partition left its entry")
	}
}

func TestAgnosticDatabasesShareEntriesAndDrops(t *testing.T) {
	for _, agnostic := range []bool{true, false} {
		w := newWorld(t, &cacheops.Config{Rules: []cacheops.Rule{{Tables: "*", Ops: cacheops.All, DBAgnostic: agnostic}}})
		replica := w.attach("replica")
		w.set("t", 1, 1)
		w.expect("fill", "t", 1, 1, false)
		before := w.runs
		w.readAs(t.Context(), replica, w.query(replica, "t", cacheops.Get), "", 1)
		if hit := w.runs == before; hit != agnostic {
			t.Errorf("agnostic %v: the replica hit = %v", agnostic, hit)
		}
		w.mustWrite("t", 1, 2)
		if got := w.readAs(t.Context(), replica, w.query(replica, "t", cacheops.Get), "", 1); agnostic && got != 2 {
			t.Errorf("the replica was served %d after a write of 2 through the primary", got)
		}
		tx := replica.Write()
		tx.Add(t.Context(), 0, dep.Anything())
		w.set("t", 1, 3)
		if err := tx.Commit(t.Context(), "", func(context.Context) (cacheops.Outcome, error) { return cacheops.Committed, nil }); err != nil {
			t.Fatal(err)
		}
		if got := w.read(t.Context(), "t", 1); agnostic && got != 3 {
			t.Errorf("everything of the replica was dropped, and yet %d served", got)
		}
	}
}

func TestAgnosticTableJoinedToAnother(t *testing.T) {
	w := newWorld(t, &cacheops.Config{Rules: []cacheops.Rule{{Tables: "shared", Ops: cacheops.All, DBAgnostic: true}, {Tables: "*", Ops: cacheops.All}}})
	other := w.attach("other")
	fill := func(db *cacheops.Database) (hit bool) {
		q := &cacheops.Query{Text: "join", Op: cacheops.Fetch, Main: "shared", Uses: []string{"shared", "own"}}
		db.Prepare(q)
		var p cacheops.Probe
		if hit, _ := db.Lookup(t.Context(), q, "", &p); hit != nil {
			return true
		}
		_, err := db.Fill(t.Context(), &p, cacheops.Source{
			Uses: func() ([]dep.Use, error) { return []dep.Use{dep.Whole("shared"), dep.Whole("own")}, nil },
			Load: func(context.Context) (cacheops.Loaded, error) { return cacheops.Loaded{Value: number(1)}, nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		return false
	}
	if fill(w.db) || !fill(w.db) || fill(other) {
		t.Error("a read that joins a table of one database alone is shared with another database")
	}
}

func TestOffSwitchLeavesNothingStale(t *testing.T) {
	w := newWorld(t, nil)
	w.set("t", 1, 1)
	w.expect("fill", "t", 1, 1, false)
	w.cache.Disable()
	w.expect("off: no hit", "t", 1, 1, false)
	w.mustWrite("t", 1, 2)
	w.expect("off: no fill", "t", 1, 2, false)
	w.cache.Enable()
	w.expect("on again: what was written while off is not stale", "t", 1, 2, false)
	w.expect("on again: hits", "t", 1, 2, true)
}

func TestWithoutInvalidation(t *testing.T) {
	w := newWorld(t, nil)
	w.set("t", 1, 1)
	w.expect("fill", "t", 1, 1, false)
	if err := w.write(cacheops.WithoutInvalidation(t.Context()), "t", 1, 2); err != nil {
		t.Fatal(err)
	}
	w.expect("the bulk load dropped nothing", "t", 1, 1, true)
	if err := w.cache.Invalidate(t.Context(), cacheops.Table("t").Where("id", 1)); err != nil {
		t.Fatal(err)
	}
	w.expect("until it was invalidated by hand", "t", 1, 2, false)
}

func TestInvalidateByHand(t *testing.T) {
	w := newWorld(t, nil)
	w.attach("elsewhere")
	fill := func() {
		for n := range int64(2) {
			w.read(t.Context(), "t", n)
			w.read(t.Context(), "u", n)
		}
	}
	tests := []struct {
		name   string
		target cacheops.Target
		kept   [4]bool // t0, t1, u0, u1
	}{
		{"a row", cacheops.Table("t").Where("id", 1), [4]bool{true, false, true, true}},
		{"a row by an unrelated column", cacheops.Table("t").Where("other", 1), [4]bool{false, false, true, true}},
		{"a table", cacheops.Table("t"), [4]bool{false, false, true, true}},
		{"everything", cacheops.Everything(), [4]bool{}},
		{"another database", cacheops.Everything().In("elsewhere"), [4]bool{true, true, true, true}},
	}
	for _, tt := range tests {
		fill()
		if err := w.cache.Invalidate(t.Context(), tt.target); err != nil {
			t.Fatal(err)
		}
		for i, kept := range tt.kept {
			w.expect(tt.name, []string{"t", "u"}[i/2], int64(i%2), 0, kept)
		}
	}
	if err := w.cache.Invalidate(t.Context(), cacheops.Table("nowhere")); !errors.Is(err, cacheops.ErrUnknownTable) {
		t.Errorf("an unknown table: %v", err)
	}
	if err := w.cache.Invalidate(t.Context(), cacheops.Everything().In("a typo")); err == nil {
		t.Error("a database that is not attached is no error")
	}
	if err := w.cache.Invalidate(t.Context(), cacheops.Table("t").Where("id", "x")); err == nil {
		t.Error("a value that cannot be resolved is no error")
	}
}

func TestConfigNamesTheBadField(t *testing.T) {
	tests := []struct {
		cfg  cacheops.Config
		want string
	}{
		{cacheops.Config{Rules: []cacheops.Rule{{Tables: "a", Ops: cacheops.Get}, {}}}, "Rules[1].Tables"},
		{cacheops.Config{Rules: []cacheops.Rule{{Tables: "[", Ops: cacheops.Get}}}, "Rules[0].Tables"},
		{cacheops.Config{Rules: []cacheops.Rule{{Tables: "public.payments", Never: true}}}, "Rules[0].Tables"}, // would match nothing
		{cacheops.Config{Rules: []cacheops.Rule{{Tables: "a", TTL: -1}}}, "Rules[0].TTL"},
		{cacheops.Config{Rules: []cacheops.Rule{{Tables: "a", Ops: 0x80}}}, "Rules[0].Ops"},
		{cacheops.Config{Rules: []cacheops.Rule{{Tables: "a", Never: true, Ops: cacheops.Get}}}, "Rules[0].Never"},
		{cacheops.Config{Rules: []cacheops.Rule{{Tables: "a", Never: true, CacheOnSave: []string{"id"}}}}, "Rules[0].Never"},
		{cacheops.Config{Rules: []cacheops.Rule{{Tables: "a", CacheOnSave: []string{cacheops.PrimaryKey, ""}}}}, "Rules[0].CacheOnSave"},
		{cacheops.Config{Rules: []cacheops.Rule{{Tables: "a", CacheOnSave: []string{"slug", "slug"}}}}, "Rules[0].CacheOnSave"},
		{cacheops.Config{TTL: -time.Second}, "Config.TTL"},
		{cacheops.Config{MaxShapes: -1}, "Config.MaxShapes"},
		{cacheops.Config{MaxTags: -1}, "Config.MaxTags"},
	}
	for _, tt := range tests {
		_, err := cacheops.New(memstore.New(1<<20), &tt.cfg)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error %v does not name %s", err, tt.want)
		}
	}
	if _, err := cacheops.New(nil, nil); err == nil {
		t.Error("a nil store is no error")
	}
}

func TestTwoDatabasesOfOneName(t *testing.T) {
	w := newWorld(t, nil)
	if _, err := w.cache.Attach(cacheops.Backend{Name: "main", Identity: "another file"}); err == nil {
		t.Error("two databases share one name, and with it entries")
	}
	if _, err := w.cache.Attach(cacheops.Backend{}); err == nil {
		t.Error("a database without a name is no error")
	}
}

// Under two names the writes of one would drop nothing of the other's.
func TestOneDatabaseOfTwoNames(t *testing.T) {
	for _, agnostic := range []bool{false, true} {
		cache, err := cacheops.New(memstore.New(1<<20), &cacheops.Config{Rules: []cacheops.Rule{{Tables: "*", DBAgnostic: agnostic}}})
		if err != nil {
			t.Fatal(err)
		}
		defer cache.Close()
		backends := []cacheops.Backend{
			{Name: "reader", Identity: "file"},
			{Name: "standby", Identity: "file", Replica: true},
			{Name: "another", Identity: "another file"},
			{Name: "unknown"},
			{Name: "unknown too"},
		}
		for _, b := range backends {
			if _, err := cache.Attach(b); err != nil {
				t.Error(err)
			}
		}
		_, err = cache.Attach(cacheops.Backend{Name: "writer", Identity: "file"})
		if refused := err != nil; refused == agnostic {
			t.Errorf("agnostic %v: %v", agnostic, err)
		}
	}
}

func TestParseOps(t *testing.T) {
	for _, ops := range []cacheops.Ops{0, cacheops.Get, cacheops.Get | cacheops.Count, cacheops.All} {
		if got, err := cacheops.ParseOps(ops.String()); got != ops || err != nil {
			t.Errorf("%q reads back as %v, %v", ops, got, err)
		}
	}
	if _, err := cacheops.ParseOps("get,put"); err == nil {
		t.Error("an unknown op is no error")
	}
}
