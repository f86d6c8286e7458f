package mysql

import (
	"fmt"
	"testing"
	"time"

	"github.com/cacheops/cacheops/integration/trial"
)

// A time of day beside a date becomes one of today. A read whose rows another day
// changes is not cached, and one is that has a time in it and no such thing.
func TestTimesOfDayBesideDates(t *testing.T) {
	w := open(t, nil)
	trial.Script(t, w.DB,
		"CREATE TABLE shift (id INTEGER PRIMARY KEY, day DATE, began TIME, ended TIME, at DATETIME, name VARCHAR(20), same TIME)",
		"CREATE TABLE visit (id INTEGER PRIMARY KEY, shift INTEGER, same DATETIME)",
		"CREATE TABLE bell (id INTEGER PRIMARY KEY, rings TIME)",
		"INSERT INTO shift VALUES (1, '2026-01-01', '08:00:00', '16:00:00', '2026-01-01 12:00:00', 'early', '08:00:00'), (2, '2026-01-02', '16:00:00', '23:00:00', '2030-01-01 17:00:00', 'late', '09:00:00')",
		"INSERT INTO visit VALUES (1, 1, '2026-01-01 08:00:00'), (2, 2, '2035-06-01 09:00:00')",
		"INSERT INTO bell VALUES (1, '08:00:00')",
		"CREATE VIEW today AS SELECT id FROM shift WHERE began < at",
		"CREATE VIEW hours AS SELECT id, began FROM shift",
	)
	first, second := w.today("2026-06-01"), w.today("2035-06-01")
	date := time.Date(2028, 1, 1, 9, 0, 0, 0, time.UTC)
	moved := 0
	for _, c := range []struct {
		q    string
		kept bool // it must be cached
		args []any
	}{
		{q: "SELECT id FROM shift WHERE began < at"},
		{q: "SELECT COALESCE(began, at) FROM shift"},
		{q: "SELECT IFNULL(NULL, began) < at FROM shift"},
		{q: "SELECT CASE WHEN id = 1 THEN began ELSE at END FROM shift"},
		{q: "SELECT GREATEST(began, at) FROM shift"},
		{q: "SELECT NULLIF(at, began) FROM shift"},
		{q: "SELECT began FROM shift UNION ALL SELECT at FROM shift"},
		{q: "SELECT id FROM shift WHERE at IN (began, ended)"},
		{q: "SELECT id FROM shift WHERE at BETWEEN began AND ended"},
		{q: "SELECT IF(id = 1, began, at) FROM shift"},
		{q: "SELECT id FROM shift WHERE at > ALL (SELECT ended FROM shift)"},
		{q: "SELECT id FROM shift WHERE at IN (SELECT began FROM shift)"},
		{q: "SELECT q.id FROM (SELECT id, began AS b FROM shift) q JOIN shift s ON q.b < s.at AND s.id = q.id"},
		{q: "WITH q AS (SELECT * FROM shift) SELECT id FROM q WHERE ended < at"},
		{q: "SELECT shift.id FROM shift JOIN visit USING (same)"},
		{q: "SELECT s.id FROM shift s JOIN visit v ON s.same <= v.same"},
		{q: "SELECT * FROM shift NATURAL JOIN visit"},
		{q: "SELECT began < TIMESTAMP'2028-01-01 09:00:00' FROM shift"},
		{q: "SELECT CAST(began AS DATETIME) FROM shift"},
		{q: "SELECT began AS x, at FROM shift HAVING x < at"},
		{q: "SELECT MIN(began) < MAX(at) FROM shift"},
		{q: "SELECT id FROM today"},
		{q: "SELECT h.id FROM hours h JOIN shift s ON h.id = s.id WHERE h.began < s.at"},
		{q: "SELECT (SELECT began FROM shift WHERE id = 1) < at FROM shift"},
		{q: "SELECT (began, 1) < (at, 1) FROM shift"},
		{q: "SELECT began <=> at FROM shift"},
		{q: "SELECT id FROM shift WHERE began < ?", args: []any{date}},
		{q: "SELECT id FROM bell WHERE rings < ?", args: []any{date}},
		{q: "SELECT COALESCE(rings, ?) FROM bell", args: []any{date}},
		{q: "SELECT at + INTERVAL began HOUR_SECOND FROM shift"},
		{q: "SELECT began + INTERVAL 1 MONTH FROM shift"},
		{q: "SELECT rings + INTERVAL 1 DAY FROM bell"},
		{q: "SELECT CONCAT(began, at) FROM shift"},
		{q: "SELECT began - at FROM shift"},
		{q: "SELECT began = day FROM shift"},
		{q: "SELECT day IN (began) FROM shift"},

		{q: "SELECT * FROM shift WHERE day = '2026-01-01'", kept: true},
		{q: "SELECT id FROM shift WHERE day = ?", kept: true, args: []any{"2026-01-01"}},
		{q: "SELECT began, day FROM shift WHERE began >= '08:00:00' ORDER BY began", kept: true},
		{q: "SELECT id FROM shift WHERE began < ended AND at IS NOT NULL", kept: true},
		{q: "SELECT MIN(began), COUNT(ended), day FROM shift GROUP BY day", kept: true},
		{q: "SELECT id FROM shift s WHERE EXISTS (SELECT * FROM shift WHERE id = s.id)", kept: true},
		{q: "SELECT id FROM shift WHERE began BETWEEN ? AND ?", kept: true, args: []any{"07:00:00", "09:00:00"}},
		{q: "SELECT HOUR(rings) IS NULL, COALESCE(rings, '09:00:00') FROM bell"},
		{q: "SELECT b.rings FROM (SELECT * FROM bell) b WHERE b.rings IN ('08:00:00', '09:00:00')", kept: true},
		{q: "SELECT id FROM visit WHERE same < ?", kept: true, args: []any{date}},
	} {
		name := fmt.Sprint(c.q, c.args)
		a, errA := trial.Rows(t.Context(), first, c.q, c.args...)
		b, errB := trial.Rows(t.Context(), second, c.q, c.args...)
		if errA != nil || errB != nil {
			t.Errorf("%s: %v, %v", name, errA, errB)
			continue
		}
		hit := false
		for range 3 {
			hit = w.Same(c.q, c.args...) || hit
		}
		switch {
		case a != b && hit:
			t.Errorf("%s: a hit, although another day says %s for %s", name, b, a)
		case c.kept && a != b:
			t.Errorf("%s: another day says %s for %s", name, b, a)
		case c.kept:
			w.Warm(c.q, c.args...)
		case a != b:
			moved++
		}
	}
	if moved < 10 {
		t.Errorf("only %d reads change with the day: nothing was tried", moved)
	}
}

// today is a bare connection for which it is another day.
func (w *world) today(day string) trial.Querier {
	w.Helper()
	c, err := w.Bare.Conn(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = c.Close() })
	trial.Exec(w, c, "SET timestamp = UNIX_TIMESTAMP('"+day+" 12:00:00')")
	return c
}
