package sqldep

import (
	"slices"
	"testing"

	"github.com/cacheops/cacheops/internal/catalog"
)

func TestHints(t *testing.T) {
	const (
		lite  = 1 << catalog.SQLite
		pg    = 1 << catalog.PostgreSQL
		my    = 1 << catalog.MySQL
		every = lite | pg | my
	)
	for _, tt := range []struct {
		in   int // the dialects
		text string
		want []string
	}{
		{every, "SELECT 1", nil},
		{every, "/* cacheops: off */ SELECT 1", []string{": off "}},
		{every, "SELECT 1 /*cacheops:ttl=1s*/", []string{":ttl=1s"}},
		{every, "SELECT /* CacheOps : off */ 1", []string{" : off "}},
		{every, "SELECT 1 -- cacheops: off", []string{": off"}},
		{every, "-- cacheops: off\nSELECT 1 -- cacheops: ttl=1s\r\n", []string{": off", ": ttl=1s\r"}},
		{every, "SELECT 1; -- cacheops: off", []string{": off"}},
		{every, "/*\n\tcacheops:\n\tttl=1s\n*/ SELECT 1", []string{":\n\tttl=1s\n"}},
		{every, "/* cacheops */ SELECT 1", []string{" "}},
		{every, "SELECT 1 -- cacheops", []string{""}},
		{every, "SELECT 1 -- cacheops-off", []string{"-off"}},
		// Of others, or about something else.
		{every, "/* the cacheops: off */ SELECT 1 -- see cacheops: off", nil},
		{every, "/* cacheops_off */ SELECT 1 -- cacheops2: off", nil},
		{every, "/* cacheop: off */ SELECT 1 /**/", nil},
		{every, "SELECT cacheops FROM t", nil},
		// In strings and names.
		{every, "SELECT '/* cacheops: off */', ' -- cacheops: off'", nil},
		{every, "SELECT 'it''s -- cacheops: off' /* cacheops: on */", []string{": on "}},
		{every, `SELECT "/* cacheops: off */"`, nil},
		{lite | my, "SELECT `-- cacheops: off`", nil},
		{lite, "SELECT [/* cacheops: off */]", nil},
		{my, `SELECT '\'/* cacheops: off */'`, nil},
		{lite | pg, `SELECT '\'/* cacheops: off */`, []string{": off "}},
		{pg, `SELECT E'\'/* cacheops: off */'`, nil},
		{pg, "SELECT $$/* cacheops: off */$$, $a$ -- cacheops: off $a$", nil},
		// Comments of some dialects.
		{my, "SELECT 1 # cacheops: off", []string{": off"}},
		{lite | pg, "SELECT 1 # cacheops: off", nil},
		{my, "SELECT 1 --cacheops: off", nil}, // two minus signs
		{lite | pg, "SELECT 1 --cacheops: off", []string{": off"}},
		{pg, "/* cacheops: off /* so */ */ SELECT 1", []string{": off /* so */ "}},
		{pg, "/* /* cacheops: off */ */ SELECT 1", nil},
		{lite, "SELECT 1 /* cacheops: off", []string{": off"}},
		{my, "SELECT /*! cacheops: off */ 1", nil}, // which is run
	} {
		for _, d := range []catalog.Dialect{catalog.SQLite, catalog.PostgreSQL, catalog.MySQL} {
			if tt.in&(1<<d) == 0 {
				continue
			}
			if got := NewPlanner(d, 0).Hints(tt.text); !slices.Equal(got, tt.want) {
				t.Errorf("%v: %q: %q, want %q", d, tt.text, got, tt.want)
			}
		}
	}
}
