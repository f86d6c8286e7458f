package live

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/integration/lite"
)

// Trap is a type of column with values that its database may hold equal, or that
// look as if it should.
type Trap struct {
	Type string
	// Literals are values as SQL writes them, Args as a program passes them. What the
	// type does not take is left out.
	Literals []string
	Args     []any
	// Wide says why entries may be dropped by values that are not equal: what of the
	// type's equality is not reproduced. Without it a read outlives every write of a
	// value that the database holds different.
	Wide string
}

// Equality compares, for each type, what a write of each value drops with what the
// database says: a cached read by equality with each value returns what the bare
// database does, before and after, and is a hit still where that is the same.
// place is the database's first parameter.
func Equality(t *testing.T, cached, bare *sql.DB, place string, traps []Trap) {
	for i, trap := range traps {
		t.Run(trap.Type, func(t *testing.T) {
			e := &equality{t: t, cached: cached, bare: bare, table: fmt.Sprintf("trap%d", i)}
			exec(t, cached, "CREATE TABLE "+e.table+" (id INTEGER PRIMARY KEY, v "+trap.Type+")")
			e.run(place, &trap)
		})
	}
}

type equality struct {
	t            *testing.T
	cached, bare *sql.DB
	table        string
	reads        []probe
}

// probe is a statement with a value in it.
type probe struct {
	text string
	args []any
	kept bool // it was a hit before the write
}

func (p *probe) String() string { return strings.TrimSpace(fmt.Sprint(p.text, " ", p.args)) }

// each makes a statement of each value.
func (e *equality) each(place string, trap *Trap, text func(value string) string) (out []probe) {
	for _, l := range trap.Literals {
		out = append(out, probe{text: text(l)})
	}
	for _, a := range trap.Args {
		out = append(out, probe{text: text(place), args: []any{a}})
	}
	return out
}

func (e *equality) run(place string, trap *Trap) {
	for _, r := range e.each(place, trap, func(v string) string { return "SELECT id FROM " + e.table + " WHERE v = " + v }) {
		if _, err := e.ask(context.Background(), e.bare, &r); err == nil {
			e.reads = append(e.reads, r)
		}
	}
	writes := e.each(place, trap, func(v string) string { return "INSERT INTO " + e.table + " VALUES (1, " + v + ")" })
	undo := probe{text: "DELETE FROM " + e.table + " WHERE id = 1"}
	equal, survived, over := 0, 0, 0
	for _, w := range writes {
		e.warm()
		if _, err := e.cached.ExecContext(context.Background(), w.text, w.args...); err != nil {
			continue
		}
		for i := range e.reads {
			r := &e.reads[i]
			rows, hit := e.same(r, &w)
			switch {
			case rows > 0:
				equal++
			case hit:
				survived++
			case r.kept:
				over++
				if trap.Wide == "" {
					e.t.Errorf("%v drops %v, which it does not match", &w, r)
				}
			}
		}
		e.warm()
		exec(e.t, e.cached, undo.text)
		for i := range e.reads {
			e.same(&e.reads[i], &undo)
		}
	}
	if equal == 0 || survived == 0 && trap.Wide == "" {
		e.t.Errorf("%d matches, %d reads outlived a write: nothing was tried", equal, survived)
	}
	e.t.Logf("%d matches, %d reads outlived a write, %d were dropped for nothing", equal, survived, over)
}

// warm has every read kept that is ever kept.
func (e *equality) warm() {
	for i := range e.reads {
		r := &e.reads[i]
		for try := 0; try < 3; try++ {
			var report cacheops.Report
			if _, err := e.ask(cacheops.With(context.Background(), cacheops.Call{Report: &report}), e.cached, r); err != nil {
				e.t.Fatalf("%v: %v", r, err)
			}
			if r.kept = report.Hit; r.kept {
				break
			}
		}
	}
}

// same compares a read with the bare database.
func (e *equality) same(r, after *probe) (rows int, hit bool) {
	var report cacheops.Report
	got, err := e.ask(cacheops.With(context.Background(), cacheops.Call{Report: &report}), e.cached, r)
	want, bareErr := e.ask(context.Background(), e.bare, r)
	if err != nil || bareErr != nil {
		if (err == nil) != (bareErr == nil) {
			e.t.Errorf("%v after %v: the cache says %v, the database %v", r, after, err, bareErr)
		}
		return 0, report.Hit
	}
	if got != want {
		e.t.Errorf("%v after %v: the cache says %d rows (hit %v), the database %d", r, after, got, report.Hit, want)
	}
	return want, report.Hit
}

// ask returns how many rows a read has.
func (e *equality) ask(ctx context.Context, on *sql.DB, r *probe) (int, error) {
	rows, err := lite.Drain(on.QueryContext(ctx, r.text, r.args...)) //nolint:rowserrcheck // Drain checks and closes them
	return len(rows), err
}
