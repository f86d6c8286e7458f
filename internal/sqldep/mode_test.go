package sqldep

import (
	"database/sql/driver"
	"strings"
	"testing"

	"github.com/cacheops/cacheops/internal/catalog"
)

// TestModes reads texts whose meaning depends on the session's settings.
func TestModes(t *testing.T) {
	for _, c := range []struct {
		d    catalog.Dialect
		mode Mode
		sql  string
		want string
	}{
		{catalog.MySQL, 0, `SELECT "a" FROM t`, `(select "a" (from t))`},
		{catalog.MySQL, ANSIQuotes, `SELECT "a" FROM "t"`, `(select a (from t))`},
		{catalog.MySQL, 0, `SELECT a || b FROM t`, `(select (or a b) (from t))`},
		{catalog.MySQL, PipesAsConcat, `SELECT a || b = c OR d FROM t`, `(select (or (= (|| a b) c) d) (from t))`},
		{catalog.MySQL, 0, `SELECT 'a\', b FROM t`, ``},
		{catalog.MySQL, NoBackslashEscapes, `SELECT 'a\', b FROM t`, `(select "a\\" b (from t))`},
		{catalog.MySQL, NoBackslashEscapes | ANSIQuotes, `SELECT "a\", b FROM t`, `(select a\ b (from t))`},
		{catalog.MySQL, OddGrammar, `SELECT a FROM t`, ``},
		{catalog.PostgreSQL, 0, `SELECT 'a\', b FROM t`, `(select "a\\" b (from t))`},
		{catalog.PostgreSQL, BackslashStrings, `SELECT 'a\', b FROM t`, ``},
		{catalog.PostgreSQL, BackslashStrings, `SELECT 'a\'', b' FROM t`, ``},
		{catalog.PostgreSQL, BackslashStrings, `SELECT 'a\'b' FROM t`, `(select "a'b" (from t))`},
	} {
		l := lexer{src: c.sql, d: c.d, mode: c.mode}
		toks := l.lex(nil)
		got := ""
		if tree := parse(c.sql, c.d, c.mode, signs(c.sql, toks), nil); tree != nil && !bad(toks) {
			got = dump(tree)
		}
		if got != c.want {
			t.Errorf("%s in mode %d is %s, want %s", c.sql, c.mode, got, c.want)
		}
		b := NewPlannerMode(c.d, c.mode, 1).Plan(c.sql, shop(c.d))
		if c.want == "" && !b.Everything {
			t.Errorf("%s in mode %d is not understood, and touches %v only", c.sql, c.mode, b.Tables)
		}
	}
}

func TestSQLMode(t *testing.T) {
	for value, want := range map[string]Mode{
		"": 0,
		"ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION": 0,
		"ansi_quotes, pipes_as_concat":                         ANSIQuotes | PipesAsConcat,
		"REAL_AS_FLOAT,PIPES_AS_CONCAT,ANSI_QUOTES,ANSI":       ANSIQuotes | PipesAsConcat,
		"NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES":               NoBackslashEscapes,
		"HIGH_NOT_PRECEDENCE":                                  OddGrammar,
		"PIPES_AS_CONCAT,ANSI_QUOTES,IGNORE_SPACE,ORACLE":      ANSIQuotes | PipesAsConcat | OddGrammar,
		"A_MODE_OF_THE_FUTURE":                                 OddGrammar,
		"STRICT_TRANS_TABLES,NO_AUTO_CREATE_USER,IGNORE_SPACE": 0,
	} {
		if got := SQLMode(value); got != want {
			t.Errorf("%s is mode %b, want %b", value, got, want)
		}
	}
}

func TestTextsThatAskTheClock(t *testing.T) {
	for text, want := range map[string]bool{
		"now": true, " NOW ": true, "today": true, "Tomorrow 10:00": true, "yesterday allballs": true, "now+02": true,
		"2024-01-01": false, "snow": false, "nowhere": false, "know": false, "to day": false, "": false,
		"now " + strings.Repeat("x", 200): false,
	} {
		if got := clockText(text); got != want {
			t.Errorf("%q asks the clock: %v", text, got)
		}
		args := []driver.NamedValue{{Ordinal: 1, Value: int64(1)}, {Ordinal: 2, Value: text}}
		if got := (Bound{}).AsksClock(catalog.PostgreSQL, args); got != want {
			t.Errorf("an argument %q asks the clock: %v", text, got)
		}
		args[1].Value = []byte(text)
		if got := (Bound{}).AsksClock(catalog.PostgreSQL, args); got != want {
			t.Errorf("bytes %q ask the clock: %v", text, got)
		}
		if (Bound{}).AsksClock(catalog.MySQL, args) {
			t.Errorf("%q asks MySQL's clock", text)
		}
	}
}

// TestElsewhereTextsThatDiffer is TestTextsThatDifferInLiteralsShareAPlan for
// what PostgreSQL and MySQL make of literals.
func TestElsewhereTextsThatDiffer(t *testing.T) {
	for _, tt := range []struct {
		d    catalog.Dialect
		a, b string
		want bool
	}{
		{catalog.PostgreSQL, "SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = -2", true},
		{catalog.PostgreSQL, "SELECT a FROM t WHERE b = 'x'", "SELECT a FROM t WHERE b = 'today'", false},
		{catalog.PostgreSQL, "SELECT a FROM t WHERE b = 'x'", "SELECT a FROM t WHERE b = 'Today 10:00'", false},
		{catalog.PostgreSQL, "SELECT a FROM t WHERE b = 'x'", "SELECT a FROM t WHERE b = $$y$$", true},
		{catalog.PostgreSQL, "SELECT a FROM t WHERE b = 'x'", "SELECT a FROM t WHERE b = N'x'", false},
		{catalog.PostgreSQL, "SELECT a FROM t WHERE b = 'x'", "SELECT a FROM t WHERE b = E'x'", false},
		{catalog.PostgreSQL, "SELECT a FROM t WHERE b = 'x'::text", "SELECT a FROM t WHERE b = 'y'::text", false},
		{catalog.PostgreSQL, "SELECT a FROM t WHERE b = DATE '2020-01-01'", "SELECT a FROM t WHERE b = DATE 'today'", false},
		{catalog.PostgreSQL, "SELECT a FROM t WHERE b = 1.5", "SELECT a FROM t WHERE b = 2.5", false},
		{catalog.PostgreSQL, "SELECT a FROM t ORDER BY a FETCH FIRST 1 ROWS ONLY", "SELECT a FROM t ORDER BY a FETCH FIRST 2 ROWS ONLY", false},
		{catalog.PostgreSQL, "SELECT a FROM t OFFSET 1", "SELECT a FROM t OFFSET 2", true},
		{catalog.MySQL, "SELECT a FROM t WHERE b = 'x'", "SELECT a FROM t WHERE b = \"y\"", true},
		{catalog.MySQL, "SELECT a FROM t WHERE b = 'x'", "SELECT a FROM t WHERE b = N'x'", false},
		{catalog.MySQL, "SELECT a FROM t WHERE b = 'x'", "SELECT a FROM t WHERE b = _latin1'x'", false},
		{catalog.MySQL, "SELECT a FROM t WHERE b = 'x'", "SELECT a FROM t WHERE b = 'x' 'y'", false},
		{catalog.MySQL, "SELECT a FROM t WHERE b = 'x'", "SELECT a FROM t WHERE b = 'it\\'s'", false},
		{catalog.MySQL, "SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = 0x1F", false},
		{catalog.MySQL, "SELECT a FROM t LIMIT 1, 2", "SELECT a FROM t LIMIT 1, 3", false},
		{catalog.MySQL, "SELECT a FROM t GROUP BY 1 WITH ROLLUP", "SELECT a FROM t GROUP BY 2 WITH ROLLUP", false},
	} {
		p, c := NewPlanner(tt.d, 0), shop(tt.d)
		a, b := p.Plan(tt.a, c), p.Plan(tt.b, c)
		if (a.Plan == b.Plan) != tt.want {
			t.Errorf("%s\n%s\nshare a plan: %v", tt.a, tt.b, !tt.want)
		}
	}
}

// TestNames checks names that PostgreSQL folds and cuts.
func TestNames(t *testing.T) {
	long := strings.Repeat("x", 62)
	for name, want := range map[string]string{
		`Users`: "users", `"Users"`: "Users", `É`: "É", `AÉb`: "aÉb", long + "YZ": long + "y", `"` + long + `éé"`: long,
	} {
		s, ok := Parse("SELECT * FROM "+name, catalog.PostgreSQL).(*Select)
		if !ok {
			t.Fatalf("%s is not read", name)
		}
		if got := s.Cores[0].From.(*Table).Name; got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}
