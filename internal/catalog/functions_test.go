package catalog

import "testing"

func TestPureFunctions(t *testing.T) {
	for _, c := range []struct {
		name  string
		nargs int
		pure  bool
	}{
		{"lower", 1, true},
		{"LOWER", 1, true},
		{"count", -1, true},
		{"json_extract", 2, true},
		{"row_number", 0, true},
		{"random", 0, false},
		{"randomblob", 1, false},
		{"changes", 0, false},
		{"last_insert_rowid", 0, false},
		{"sqlite_version", 0, false},
		{"load_extension", 1, false},
		{"mine", 1, false},
		{"", 0, false},
		{"date", 0, false},
		{"date", 1, true},
		{"strftime", 1, false},
		{"strftime", 2, true},
		{"timediff", 2, true},
		{"unixepoch", 0, false},
		{"julianday", 1, true},
	} {
		if got := PureFunction(SQLite, c.name, c.nargs); got != c.pure {
			t.Errorf("%s with %d arguments: pure %v", c.name, c.nargs, got)
		}
		if PureFunction(PostgreSQL, c.name, c.nargs) {
			t.Errorf("%s: vouched for without PostgreSQL's catalog", c.name)
		}
	}
}

func TestPureFunctionsOfMySQL(t *testing.T) {
	dates := &Catalog{Dialect: MySQL}
	clocks := &Catalog{Dialect: MySQL, clocks: true}
	for name, want := range map[string][2]bool{ // without and with a column of type TIME
		"LOWER": {true, true}, "coalesce": {true, true}, "count": {true, true}, "date": {true, false}, "year": {true, false},
		"now": {}, "uuid": {}, "rand": {}, "last_insert_id": {}, "unix_timestamp": {}, "sec_to_time": {}, "found_rows": {}, "mine": {},
	} {
		if got := [2]bool{dates.PureFunction(name, 1), clocks.PureFunction(name, 1)}; got != want {
			t.Errorf("%s: pure %v, want %v", name, got, want)
		}
	}
}

func TestSpecialTimes(t *testing.T) {
	for text, special := range map[string]bool{
		"now": true, " NOW ": true, "Now\x00": true, "localtime": true, "utc": true, "subsec": true, "subsecond": true,
		"2024-01-01": false, "start of month": false, "+1 day": false, "unixepoch": false, "": false,
	} {
		if SpecialTime(text) != special {
			t.Errorf("%q: special %v", text, !special)
		}
	}
}

func TestGeneratingExpressions(t *testing.T) {
	for text, pure := range map[string]bool{
		"(a + 1)": true, "(lower(a) || 'now()')": true, `(lower (a))`: true, "(a IN (1, 2) AND (b))": true, "(cast(a AS TEXT))": true,
		"(mine(a))": false, `("mine" (a))`: false, "(CURRENT_TIMESTAMP)": false, "(date())": false, "(date(a))": true,
		"(CASE WHEN (a) THEN (b) ELSE (c) END)": true, "(a /* mine(x) */)": true, "(lower(mine(a)))": false,
	} {
		if pureExpression(scan(text), SQLite) != pure {
			t.Errorf("%s: pure %v", text, !pure)
		}
	}
}

// The scanner never fails and never stands still: what SQLite has accepted
// needs no checking, but a schema can be corrupt.
func FuzzScan(f *testing.F) {
	for _, s := range []string{"CREATE TABLE t (a, 'b' \"c\" `d` [e] x'00' 1e+5 .5 -- z\n /* y", "'", "[", "x'", "1e", "CREATE TRIGGER a AFTER UPDATE OF b ON c BEGIN UPDATE", "(((", "/*", "--"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		end := 0
		for _, tok := range scan(s) {
			if tok.at < end || tok.end <= tok.at || tok.end > len(s) {
				t.Fatalf("%q: token %+v after %d", s, tok, end)
			}
			end = tok.end
		}
		columnsDDL(scan(s))
		triggerDDL(s)
		pureExpression(scan(s), SQLite)
	})
}
