package querylog

import (
	"errors"
	"io"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// read reads a whole log; a bad line is in the list as "bad LINE".
func read(t *testing.T, in io.Reader, format Format) []string {
	t.Helper()
	r, err := NewReader(in, format, "")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for {
		st, err := r.Next()
		var bad *LineError
		switch {
		case errors.Is(err, io.EOF):
			return out
		case errors.As(err, &bad):
			out = append(out, "bad "+strconv.Itoa(bad.Line))
		case err != nil:
			t.Fatal(err)
		default:
			out = append(out, strconv.Itoa(st.Line)+" "+st.SQL)
		}
	}
}

var scripts = []struct {
	name, in string
	want     []string
}{
	{"empty", "", nil},
	{"semicolons", ";; ;\n;", nil},
	{"no last semicolon", "SELECT 1;\nSELECT 2", []string{"1 SELECT 1", "2 SELECT 2"}},
	{"one line", "SELECT 1;SELECT 2;", []string{"1 SELECT 1", "1 SELECT 2"}},
	{"quotes", "SELECT ';', \";\", `;`, [;], x'3b';\n\nSELECT 'it''s; fine';", []string{
		"1 SELECT ';', \";\", `;`, [;], x'3b'", "3 SELECT 'it''s; fine'",
	}},
	{"comments", "-- a; b\nSELECT 1 -- c;\n, 2 /* d; */;\n/* e;\n */ SELECT 3;--f", []string{
		"2 SELECT 1 -- c;\n, 2 /* d; */", "5 SELECT 3",
	}},
	{"windows", "\xef\xbb\xbfSELECT 1;\r\nSELECT 2;\r\n", []string{"1 SELECT 1", "2 SELECT 2"}},
	{"trigger", "CREATE TRIGGER a AFTER INSERT ON t BEGIN SELECT 1; SELECT CASE WHEN 1 THEN 2 END; END;\nSELECT 2;", []string{
		"1 CREATE TRIGGER a AFTER INSERT ON t BEGIN SELECT 1; SELECT CASE WHEN 1 THEN 2 END; END", "2 SELECT 2",
	}},
	{"trigger at the end", "create temp trigger a delete on t begin select 1; end", []string{
		"1 create temp trigger a delete on t begin select 1; end",
	}},
	{"a table named trigger", "CREATE TABLE trigger_log (a);SELECT 1;", []string{"1 CREATE TABLE trigger_log (a)", "1 SELECT 1"}},
	{"open trigger", "SELECT 1;\nCREATE TRIGGER a AFTER INSERT ON t BEGIN SELECT 1;\nSELECT 2;", []string{"1 SELECT 1", "bad 2"}},
	{"open quote", "SELECT 1;\nSELECT\n 'a;\nSELECT 2;", []string{"1 SELECT 1", "bad 3"}},
	{"open comment", "SELECT 1; /* b", []string{"1 SELECT 1", "bad 1"}},
	{"begin is no trigger", "BEGIN; SELECT 1; END;", []string{"1 BEGIN", "1 SELECT 1", "1 END"}},
}

func TestScripts(t *testing.T) {
	for _, c := range scripts {
		t.Run(c.name, func(t *testing.T) {
			if got := read(t, strings.NewReader(c.in), SQL); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
			// However the input comes in pieces.
			if got := read(t, iotest.OneByteReader(strings.NewReader(c.in)), SQL); !reflect.DeepEqual(got, c.want) {
				t.Errorf("by bytes: got  %q\nwant %q", got, c.want)
			}
		})
	}
}

// A statement longer than the reader's buffer is cut in the middle of tokens.
func TestLongLines(t *testing.T) {
	long := "INSERT INTO t VALUES ('" + strings.Repeat("ab;''", 40_000) + "') -- " + strings.Repeat("x;", 50_000)
	got := read(t, strings.NewReader(strings.Repeat("SELECT 1;", 30_000)+long+"\n;SELECT 2;"), SQL)
	if len(got) != 30_002 || got[30_000] != "1 "+long || got[30_001] != "2 SELECT 2" {
		t.Errorf("%d statements", len(got))
	}
}

// A quote that never ends must not make reading quadratic.
func TestOpenQuoteIsFast(t *testing.T) {
	in := "SELECT '" + strings.Repeat("some line of text\n", 400_000)
	done := make(chan []string, 1)
	go func() { done <- read(t, strings.NewReader(in), SQL) }()
	select {
	case got := <-done:
		if !reflect.DeepEqual(got, []string{"bad 1"}) {
			t.Errorf("got %q", got)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("still reading")
	}
}

// TestMutatedLogs reads logs that were damaged at random: whatever comes, the
// reader ends, and lines never go back.
func TestMutatedLogs(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	script := ""
	for _, c := range scripts {
		script += c.in + "\n"
	}
	lines := strings.Repeat(`{"session":1,"sql":"SELECT ?","args":[1,2.5,null,"x",{"blob":"AA=="}]}`+"\n", 5)
	for range 3000 {
		for format, text := range map[Format]string{SQL: script, JSON: lines} {
			b := []byte(text)
			for range 1 + rnd.IntN(5) {
				switch at := rnd.IntN(len(b)); rnd.IntN(3) {
				case 0:
					b[at] = byte(rnd.IntN(256))
				case 1:
					b = append(b[:at], b[at+1:]...)
				default:
					b = append(b[:at], append([]byte("';\"/*{"[rnd.IntN(6):]), b[at:]...)...)
				}
			}
			last := 0
			for _, got := range read(t, strings.NewReader(string(b)), format) {
				line, err := strconv.Atoi(strings.Fields(strings.TrimPrefix(got, "bad "))[0])
				if err != nil || line < last {
					t.Fatalf("line %d after %d (%v) in %q", line, last, err, b)
				}
				last = line
			}
		}
	}
}

func TestFormats(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"", " \n{\"sql\": \"SELECT 1\"}", "2 SELECT 1"},
		{"", "SELECT 1", "1 SELECT 1"},
		{"a.SQL", "SELECT 1", "1 SELECT 1"},
		{"a.jsonl", "{\"sql\": \"SELECT 1\"}", "1 SELECT 1"},
	} {
		r, err := NewReader(strings.NewReader(c.in), Auto, c.name)
		if err != nil {
			t.Fatal(err)
		}
		st, err := r.Next()
		if got := strconv.Itoa(st.Line) + " " + st.SQL; err != nil || got != c.want {
			t.Errorf("%q %q: %q, %v", c.name, c.in, got, err)
		}
	}
	r, err := NewReader(strings.NewReader("SELECT 1"), Auto, "a.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var bad *LineError
	if _, err := r.Next(); !errors.As(err, &bad) || bad.Line != 1 {
		t.Errorf("a name's ending decides: %v", err)
	}
}

func TestReadErrors(t *testing.T) {
	broken := errors.New("broken")
	for _, format := range []Format{SQL, JSON} {
		r, err := NewReader(io.MultiReader(strings.NewReader("    "), iotest.ErrReader(broken)), format, "")
		if err == nil {
			_, err = r.Next()
		}
		if !errors.Is(err, broken) {
			t.Errorf("%s: %v", format, err)
		}
	}
}

func TestKinds(t *testing.T) {
	for sql, want := range map[string]Kind{
		"":                                 Empty,
		" -- only talk":                    Empty,
		"select 1":                         Read,
		"/* hint */ SELECT 1":              Read,
		"VALUES (1)":                       Read,
		"(SELECT 1)":                       Other,
		"'text'":                           Other,
		"EXPLAIN QUERY PLAN DELETE FROM t": Read,
		"WITH a AS (DELETE) SELECT 1":      Read,
		"WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a":                      Write,
		"WITH a(x) AS (SELECT 1), b AS (SELECT 2) UPDATE t SET a = 1 RETURNING a": Returning,
		"INSERT INTO t VALUES ('RETURNING')":                                      Write,
		"INSERT INTO t VALUES (1) RETURNING id":                                   Returning,
		"REPLACE INTO t VALUES (1)":                                               Write,
		"delete from t":                                                           Write,
		"ALTER TABLE t ADD a":                                                     Schema,
		"PRAGMA foreign_keys=1":                                                   Pragma,
		"BEGIN IMMEDIATE":                                                         Begin,
		"END TRANSACTION":                                                         Commit,
		"ROLLBACK":                                                                Rollback,
		"ROLLBACK TRANSACTION":                                                    Rollback,
		"ROLLBACK TO a":                                                           RollbackTo,
		"ROLLBACK TRANSACTION TO SAVEPOINT a":                                     RollbackTo,
		"SAVEPOINT a":                                                             Savepoint,
		"RELEASE SAVEPOINT a":                                                     Release,
		"ATTACH 'a' AS b":                                                         Attach,
		"VACUUM INTO 'a'":                                                         Vacuum,
		"ANALYZE":                                                                 Other,
	} {
		if got := KindOf(sql); got != want {
			t.Errorf("%q is of kind %d, not %d", sql, got, want)
		}
	}
}

func TestOutside(t *testing.T) {
	for sql, want := range map[string]string{
		"":          "",
		"SELECT 1;": "",
		"SELECT 'x; ATTACH a AS b' FROM \"; ATTACH c AS d\"": "",
		"EXPLAIN ATTACH 'a' AS b":                            "",
		"VACUUM; VACUUM main":                                "",
		"attach ':memory:' as a; ATTACH DATABASE '' AS b":    "",
		"ATTACH 'a' AS b":                                    "ATTACH",
		"ATTACH ? AS ':memory:'":                             "ATTACH",
		"ATTACH 'a:memory:' AS b":                            "ATTACH",
		"ATTACH ':memory:' || 'a' AS b":                      "ATTACH",
		"ATTACH 'file::memory:?cache=shared' AS b":           "ATTACH",
		"SELECT 1;/**/ attach -- c\n database 'a' AS b":      "ATTACH",
		"BEGIN; ATTACH 'a' AS b /* open":                     "ATTACH",
		"SELECT 1; VACUUM main INTO 'a'":                     "VACUUM INTO",
	} {
		if got := Outside(sql); got != want {
			t.Errorf("%q reaches out with %q, not %q", sql, got, want)
		}
	}
}

func TestPragmaName(t *testing.T) {
	for sql, want := range map[string]string{
		"PRAGMA foreign_keys = ON":            "foreign_keys",
		"pragma main.Journal_Mode=wal":        "journal_mode",
		"PRAGMA /* x */ table_info(articles)": "table_info",
		"PRAGMA user_version;":                "user_version",
	} {
		if got := PragmaName(sql); got != want {
			t.Errorf("%q is about %q, not %q", sql, got, want)
		}
	}
}

func TestTransaction(t *testing.T) {
	var tx Transaction
	for _, step := range []struct {
		sql  string
		open bool
	}{
		{"SELECT 1", false},
		{"BEGIN", true},
		{"SAVEPOINT a", true},
		{"RELEASE a", true},
		{"COMMIT", false},
		{"SAVEPOINT a", true},
		{`SAVEPOINT "B"`, true},
		{"ROLLBACK TO a", true},
		{"RELEASE A", false},
		{"SAVEPOINT a", true},
		{"SAVEPOINT b", true},
		{"RELEASE b", true},
		{"RELEASE x", true},
		{"ROLLBACK", false},
	} {
		tx.Ran(KindOf(step.sql), step.sql)
		if tx.Open() != step.open {
			t.Errorf("after %s: open is %v", step.sql, tx.Open())
		}
	}
}

func TestSpread(t *testing.T) {
	s := NewSpread(2)
	got := ""
	for _, sql := range []string{
		"SELECT 1", "SELECT 2", "BEGIN", "SELECT 3", "COMMIT", "SELECT 4", "PRAGMA a = 1", "SAVEPOINT x", "PRAGMA a = 2", "RELEASE x", "SELECT 5",
	} {
		for _, st := range s.Assign(Statement{SQL: sql}) {
			got += st.Session
		}
		got += " "
	}
	if want := "1 2 1 1 1 2 12 1 1 1 2 "; got != want {
		t.Errorf("sessions %q, want %q", got, want)
	}
	if st := s.Assign(Statement{SQL: "SELECT 6", Session: "mine"}); len(st) != 1 || st[0].Session != "mine" {
		t.Errorf("a named session became %v", st)
	}
}

func TestShape(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT  1,'a''b',x'00', 1.5e+3 -- c\nFROM t": "SELECT ?,?,?, ? FROM t",
		`select "a 1" from t2 where b='x'`:            `select "a 1" from t2 where b=?`,
	} {
		if got := Shape(sql); got != want {
			t.Errorf("%q has the shape %q, want %q", sql, got, want)
		}
	}
}
