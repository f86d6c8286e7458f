package functions

import (
	"context"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
)

// A function that is said to depend on the rows with a value is dropped by every
// row that a comparison with that value finds.
func TestDependsOnAValueAsItIsCompared(t *testing.T) {
	at := time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)
	east := at.In(time.FixedZone("", 3600))
	values := []struct {
		column  string
		value   any
		written []string
	}{
		{"word", "Bob", []string{"'bob'", "'Bob'", "'Bob '"}},
		{"word", 123, []string{"'123'", "'0123'"}},
		{"padded", "a", []string{"'a'", "'a  '", "'A'"}},
		{"padded", "a  ", []string{"'a'"}},
		{"price", 1.5, []string{"1.50", "'1.5'"}},
		{"price", "1.50", []string{"1.5"}},
		{"price", "1.01", []string{"1.009", "1.01"}},
		{"far", 0.0, []string{"0", "-0.0"}},
		{"far", "1.5", []string{"1.5"}},
		{"near", 1.5, []string{"1.5"}},
		{"yes", true, []string{"true"}},
		{"yes", 1, []string{"true"}},
		{"yes", "t", []string{"true"}},
		{"day", "2024-05-01", []string{"'2024-05-01'"}},
		{"day", at, []string{"'2024-05-01'"}},
		{"day", east, []string{"'2024-05-01'"}},
		{"day", "20240501", []string{"'2024-05-01'"}},
		{"moment", at, []string{"'2024-05-01 00:00:00'"}},
		{"moment", east, []string{"'2024-05-01 01:00:00'", "'2024-05-01 00:00:00'"}},
		{"moment", "2024-05-01", []string{"'2024-05-01 00:00:00'"}},
		{"whole", 1, []string{"1", "'1'"}},
		{"whole", "01", []string{"1"}},
		{"whole", true, []string{"1"}},
	}
	for name, w := range map[string]*world{
		"SQLite": newWorld(t, memory(t), nil), "PostgreSQL": postgres(t, memory(t)), "MySQL": mysql(t, memory(t)),
	} {
		word, moment := "varchar(20) COLLATE NOCASE", "timestamp"
		switch {
		case w.mysql:
			word, moment = "varchar(20) COLLATE utf8mb4_general_ci", "datetime"
		case name == "PostgreSQL":
			word = "varchar(20)"
		}
		w.exec(t.Context(), "CREATE TABLE v (word "+word+", padded char(10), price decimal(10,2), far double precision, near real, "+
			"yes boolean, day date, moment "+moment+", whole int)")
		for _, v := range values {
			read := w.text("SELECT count(*) FROM v WHERE " + v.column + " = $1")
			if _, err := number(t.Context(), w.bare, read, v.value); err != nil {
				continue // the database does not take it
			}
			f := cacheops.NewFunc(w.cache, "f", func(ctx context.Context, _ int) (int64, error) {
				return number(ctx, w.bare, read, v.value)
			}, cacheops.DependsOn(cacheops.Table("v").Where(v.column, v.value)))
			for _, literal := range v.written {
				if _, err := f.Call(t.Context(), 1); err != nil {
					t.Fatal(err)
				}
				if _, err := w.db.ExecContext(t.Context(), "INSERT INTO v ("+v.column+") VALUES ("+literal+")"); err != nil {
					continue
				}
				want, err := number(t.Context(), w.bare, read, v.value)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := f.Call(t.Context(), 1); got != want || err != nil {
					t.Errorf("%s: %s = %v of type %T, after %s: got %d, %v, want %d", name, v.column, v.value, v.value, literal, got, err, want)
				}
			}
		}
		if w.cache.Stats().Functions["f"].Stored == 0 {
			t.Errorf("%s: nothing was kept", name)
		}
	}
}
