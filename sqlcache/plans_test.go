package sqlcache

import (
	"database/sql/driver"
	"fmt"
	"strings"
	"testing"
)

// TestLongTextsAreNotKeptWithoutEnd: a program that restores a dump, or writes its
// values into its texts, has a thousand statements of a megabyte, each for one use.
func TestLongTextsAreNotKeptWithoutEnd(t *testing.T) {
	const most = 64
	e := &engine{dialect: &sqlite{}, opts: Options{PlanCache: most}}
	s := e.newDark(0)
	e.schema.Store(s)
	conns := []*conn{{engine: e}, {engine: e}}
	held := func(p plans) (n int) {
		for text := range p.byText {
			n += len(text)
		}
		return n
	}
	room := func(most int) int { return most*bytesPerPlan + most*bytesPerPlan/planShare }
	often := s.statement("DELETE FROM t")
	for i := range 4000 {
		size := 100 << (i % 12)
		text := fmt.Sprintf("INSERT INTO t VALUES (%d, '%s')", i, strings.Repeat("x", size))
		if _, err := conns[i%2].statement(t.Context(), text); err != nil {
			t.Fatal(err)
		}
		if s.statement("DELETE FROM t") != often {
			t.Fatalf("a text in use was planned anew after %d others", i)
		}
		for _, c := range conns {
			if n := held(c.plans); n > room(maxPlans) {
				t.Fatalf("a connection keeps %d bytes of texts", n)
			}
		}
		if n := held(s.statements) + held(s.older); n > 2*room(most/2+1) {
			t.Fatalf("the schema keeps %d bytes of texts", n)
		}
	}
}

// TestAnIdleConnectionLetsGoOfLargeArguments: those of reads are encoded in room that
// is used again.
func TestAnIdleConnectionLetsGoOfLargeArguments(t *testing.T) {
	for _, size := range []int{1 << 10, 1 << 20} {
		var c conn
		c.probe.Args, _, _ = appendArgs(nil, []driver.NamedValue{{Value: make([]byte, size)}})
		if ok := c.IsValid(); !ok || cap(c.probe.Args) > maxKeptArgs || size < maxKeptArgs && cap(c.probe.Args) == 0 {
			t.Errorf("after an argument of %d bytes: %v, room for %d", size, ok, cap(c.probe.Args))
		}
	}
}
