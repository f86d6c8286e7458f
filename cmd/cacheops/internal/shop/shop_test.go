package shop

import (
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"path/filepath"
	"testing"

	"github.com/cacheops/cacheops/cmd/cacheops/internal/querylog"
	_ "modernc.org/sqlite"
)

// day runs a day's statements on the bare database and returns what identifies
// the statements.
func day(t *testing.T, seed uint64, n int, each func(querylog.Statement)) (id uint64, count int) {
	t.Helper()
	work, h := NewWork(seed, n), fnv.New64a()
	for {
		st, err := work.Next()
		if errors.Is(err, io.EOF) {
			return h.Sum64(), count
		}
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(h, st.Session, st.SQL, st.Args)
		count++
		each(st)
	}
}

func TestSameSeedSameDay(t *testing.T) {
	nothing := func(querylog.Statement) {}
	a, n := day(t, 1, 5000, nothing)
	if b, _ := day(t, 1, 5000, nothing); a != b {
		t.Error("two days of one seed differ")
	}
	if c, _ := day(t, 2, 5000, nothing); a == c {
		t.Error("two seeds make one day")
	}
	if n < 5000 || n > 5200 {
		t.Errorf("%d statements instead of 5,000 and what was begun", n)
	}
}

// TestShop checks that the shop has the rows it promises, and that its day ends
// with no transaction open and is mostly reads.
func TestShop(t *testing.T) {
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "shop.sqlite")+"?_pragma=synchronous(off)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := Build(t.Context(), db, 1); err != nil {
		t.Fatal(err)
	}
	rows := 0
	for table, want := range map[string]int{
		"categories": categories, "products": products, "customers": customers,
		"orders": orders, "order_items": items - items/100, "reviews": reviews,
	} {
		n := 0
		if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n < want {
			t.Errorf("%s has %d rows, fewer than %d", table, n, want)
		}
		rows += n
	}
	if rows < 50_000 {
		t.Errorf("%d rows in all", rows)
	}

	open := map[string]*querylog.Transaction{}
	reads, writes := 0, 0
	day(t, 1, 3000, func(st querylog.Statement) {
		kind := querylog.KindOf(st.SQL)
		if open[st.Session] == nil {
			open[st.Session] = &querylog.Transaction{}
		}
		open[st.Session].Ran(kind, st.SQL)
		if stmt, err := db.PrepareContext(t.Context(), st.SQL); err != nil {
			t.Errorf("%s: %v", st.SQL, err)
		} else {
			stmt.Close()
		}
		switch {
		case kind == querylog.Read:
			reads++
		case kind.Writes():
			writes++
		}
	})
	for session, tx := range open {
		if tx.Open() {
			t.Errorf("session %s ends in a transaction", session)
		}
	}
	if len(open) != sessions || reads < 10*writes || writes == 0 {
		t.Errorf("%d sessions, %d reads, %d writes", len(open), reads, writes)
	}
}
