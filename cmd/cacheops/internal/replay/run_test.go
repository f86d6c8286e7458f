package replay

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cacheops/cacheops/cmd/cacheops/internal/querylog"
)

// database makes one from SQL, and its copy.
func database(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "original.sqlite")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func copied(t *testing.T, path string) string {
	t.Helper()
	target, err := CopyDatabase(t.Context(), path, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return target
}

const items = "CREATE TABLE items (id INTEGER PRIMARY KEY, a); INSERT INTO items VALUES (1, 1), (2, 2);"

// begin starts a replay that the test drives by hand.
func begin(t *testing.T, text string, cfg Config) *run {
	t.Helper()
	r, err := start(t.Context(), copied(t, database(t, text)), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *run) do(t *testing.T, texts ...string) {
	t.Helper()
	for _, sql := range texts {
		if err := r.step(t.Context(), querylog.Statement{Line: 1, Session: "1", SQL: sql}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestVerifyFindsStaleAnswers writes past the cache, which makes its answers
// wrong: verification must say so.
func TestVerifyFindsStaleAnswers(t *testing.T) {
	r := begin(t, items, Config{Verify: true})
	r.do(t, "SELECT a FROM items WHERE id = 1")
	if _, err := r.bare.ExecContext(t.Context(), "UPDATE items SET a = 'secret' WHERE id = 1"); err != nil {
		t.Fatal(err)
	}
	r.do(t, "SELECT a FROM items WHERE id = 1", "SELECT a FROM items WHERE id = 2")
	rep := r.finish()
	if rep.OK() || rep.Stale != 1 || rep.Hits != 1 || len(rep.Differences) != 1 {
		t.Fatalf("%+v", rep)
	}
	d := rep.Differences[0]
	if d.Kind != "hit" || !strings.Contains(d.What, "first to differ is row 1") || strings.Contains(d.What, "secret") {
		t.Errorf("%+v", d)
	}
}

// Without verification the same run is silent: it is the comparison that finds it.
func TestUnverifiedFindsNothing(t *testing.T) {
	r := begin(t, items, Config{})
	r.do(t, "SELECT a FROM items WHERE id = 1")
	if _, err := r.bare.ExecContext(t.Context(), "UPDATE items SET a = 3 WHERE id = 1"); err != nil {
		t.Fatal(err)
	}
	r.do(t, "SELECT a FROM items WHERE id = 1")
	if rep := r.finish(); !rep.OK() || rep.Verified != 0 || rep.Hits != 1 || rep.SavedSeconds <= 0 {
		t.Errorf("%+v", rep)
	}
}

// A statement that the cache alone makes fail is a difference, and so is one
// that it lets pass.
func TestVerifyFindsErrors(t *testing.T) {
	r := begin(t, items, Config{Verify: true})
	r.do(t, "SELECT a FROM items WHERE id = 1")
	if _, err := r.twin.ExecContext(t.Context(), "INSERT INTO items VALUES (3, 3)"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.bare.ExecContext(t.Context(), "INSERT INTO items VALUES (4, 4)"); err != nil {
		t.Fatal(err)
	}
	r.do(t, "INSERT INTO items VALUES (3, 3)", "INSERT INTO items VALUES (4, 4)", "INSERT INTO items VALUES (1, 1)")
	rep := r.finish()
	if rep.ErrorsOnly != 2 || rep.Failed != 1 || rep.Stale != 0 || rep.OK() {
		t.Errorf("%+v", rep)
	}
}

// A read that asks for no order may return another one than before.
func TestOrderMattersWhereAskedFor(t *testing.T) {
	for sql, want := range map[string]int{
		"SELECT a FROM items":            0,
		"SELECT a FROM items ORDER BY b": 1,
	} {
		r := begin(t, "CREATE TABLE items (a, b); INSERT INTO items VALUES (1, 1), (2, 2);", Config{Verify: true})
		r.do(t, sql)
		_, err := r.bare.ExecContext(t.Context(), "DELETE FROM items; INSERT INTO items VALUES (2, 1), (1, 2);")
		if err != nil {
			t.Fatal(err)
		}
		r.do(t, sql)
		if rep := r.finish(); rep.Hits != 1 || rep.Stale != want {
			t.Errorf("%s: %d hits, %d stale", sql, rep.Hits, rep.Stale)
		}
	}
}

// TestPrecision drops two entries of which one had changed.
func TestPrecision(t *testing.T) {
	r := begin(t, items, Config{})
	r.do(t, "SELECT a FROM items WHERE id = 1", "SELECT a FROM items WHERE id = 2")
	r.do(t, "UPDATE items SET a = 3 WHERE id = 1", "UPDATE items SET a = a WHERE id = 2")
	rep := r.finish()
	if rep.Drops != 2 || rep.SpuriousDrops != 1 || *rep.Precision != 0.5 {
		t.Errorf("%+v", rep)
	}
	if len(rep.DroppedBy) != 2 || rep.DroppedBy[0].Spurious != 1 || rep.DroppedBy[0].Write != "UPDATE items SET a = a WHERE id = ?" {
		t.Errorf("%+v", rep.DroppedBy)
	}
	r.do(t, "SELECT a FROM items WHERE id = 1", "SELECT a FROM items WHERE id = 1")
	if rep := r.finish(); rep.MissReasons[whyDropped] != 1 || rep.MissReasons[whyFirst] != 2 || rep.Hits != 1 {
		t.Errorf("%+v", rep.MissReasons)
	}
}

// Without looking for drops there is no precision to report.
func TestNoPrecision(t *testing.T) {
	r := begin(t, items, Config{NoPrecision: true})
	r.do(t, "SELECT a FROM items WHERE id = 1", "UPDATE items SET a = 3 WHERE id = 1", "SELECT a FROM items WHERE id = 1")
	if rep := r.finish(); rep.Precision != nil || rep.Drops != 0 || rep.MissReasons[whyUnknown] != 1 {
		t.Errorf("%+v", rep)
	}
}

// A drop through a view or a new view is seen though the statement does not name
// the table.
func TestPrecisionThroughViews(t *testing.T) {
	r := begin(t, items, Config{})
	r.do(t, "CREATE VIEW ones AS SELECT a FROM items WHERE id = 1", "SELECT * FROM ones", "SELECT * FROM ones",
		"UPDATE items SET a = 3 WHERE id = 1")
	if rep := r.finish(); rep.Hits != 1 || rep.Drops != 1 || rep.SpuriousDrops != 0 {
		t.Errorf("%+v", rep)
	}
}

func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	path := copied(t, database(t, items))
	log := strings.Repeat("SELECT a FROM items WHERE id = 1;", 1000)
	reader, err := querylog.NewReader(strings.NewReader(log), querylog.SQL, "")
	if err != nil {
		t.Fatal(err)
	}
	rep, err := Run(ctx, path, reader, Config{Progress: func(r *Report) {
		if r.Statements == 10 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || rep.Statements != 10 {
		t.Errorf("%v after %d statements", err, rep.Statements)
	}
}

// A database that is in use has part of it in its write-ahead log.
func TestCopyTakesTheLogAlong(t *testing.T) {
	path := database(t, "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;"+items)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "INSERT INTO items VALUES (3, 3)"); err != nil {
		t.Fatal(err)
	}
	before := directory(t, path)
	if len(before["original.sqlite-wal"]) == 0 {
		t.Fatal("nothing in the log: the test shows nothing")
	}
	copy, err := sql.Open("sqlite", copied(t, path))
	if err != nil {
		t.Fatal(err)
	}
	defer copy.Close()
	n := 0
	if err := copy.QueryRowContext(t.Context(), "SELECT count(*) FROM items").Scan(&n); err != nil || n != 3 {
		t.Errorf("%d rows, %v", n, err)
	}
	for name, text := range directory(t, path) {
		if before[name] != text {
			t.Errorf("%s has changed", name)
		}
	}
}

func directory(t *testing.T, path string) map[string]string {
	t.Helper()
	list, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range list {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(path), f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name()] = string(text)
	}
	return files
}

// Paths that mean something in a URI are just names.
func TestOddNames(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b?c=d#e%20f")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	target, err := CopyDatabase(t.Context(), database(t, items), dir)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := querylog.NewReader(strings.NewReader("SELECT a FROM items"), querylog.SQL, "")
	if err != nil {
		t.Fatal(err)
	}
	if rep, err := Run(t.Context(), target, reader, Config{Verify: true}); err != nil || rep.Misses != 1 || rep.Failed != 0 {
		t.Errorf("%+v, %v", rep, err)
	}
}

func TestIdentity(t *testing.T) {
	seen := map[string]int{}
	for i, args := range [][]any{
		nil,
		{int64(1)},
		{"1"},
		{1.0},
		{true},
		{nil},
		{""},
		{[]byte("1")},
		{"ab", "c"},
		{"a", "bc"},
		{sql.Named("a", int64(1))},
		{sql.Named("b", int64(1))},
	} {
		id := identity("SELECT ?", args)
		if j, ok := seen[id]; ok {
			t.Errorf("%v and the %dth are the same", args, j)
		}
		seen[id] = i
	}
}
