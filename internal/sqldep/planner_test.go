package sqldep

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/cacheops/cacheops/internal/catalog"
)

func TestPlanIsRemembered(t *testing.T) {
	p, c := NewPlanner(catalog.SQLite, 0), shop(catalog.SQLite)
	text := "SELECT id FROM users WHERE id = ?"
	first := p.Plan(text, c).Plan
	if again := p.Plan(strings.Clone(text), c).Plan; again != first {
		t.Error("the plan was made twice")
	}
	if n := testing.AllocsPerRun(100, func() { p.Plan(text, c) }); n != 0 {
		t.Errorf("finding a plan allocates %v times", n)
	}
}

func TestPlanBelongsToItsCatalog(t *testing.T) {
	p := NewPlanner(catalog.SQLite, 0)
	old, now := shop(catalog.SQLite), shop(catalog.SQLite)
	delete(now.Tables, "main.tags")
	now.Index()
	for _, text := range []string{"DELETE FROM tags", "DELETE FROM tags WHERE id = 5"} {
		if p.Plan(text, old).Everything {
			t.Errorf("%s: the old catalog knows tags", text)
		}
		if !p.Plan(text, now).Everything {
			t.Errorf("%s: the new catalog does not know tags", text)
		}
	}
	for i := range p.texts.slots {
		if e := p.texts.slots[i].Load(); e != nil && e.cat == old {
			t.Fatalf("%q is still kept under the old catalog", e.text)
		}
	}
}

func TestTextsThatDifferInLiteralsShareAPlan(t *testing.T) {
	p, c := NewPlanner(catalog.SQLite, 0), shop(catalog.SQLite)
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"SELECT id FROM t WHERE id = 1", "SELECT id FROM t WHERE id = -23", true},
		{"SELECT id FROM t WHERE id = 'a'", "SELECT id FROM t WHERE id = 'it''s'", true},
		{"SELECT id FROM t WHERE id = 1", "SELECT id FROM t WHERE id = 1.0", false},
		{"SELECT id FROM t WHERE id = 1", "SELECT id FROM t WHERE id = '1'", false},
		{"SELECT id FROM t WHERE id = 1", "SELECT id FROM t WHERE id =  1", false},
		{"SELECT id FROM t LIMIT 1", "SELECT id FROM t LIMIT 2", false},
		{"SELECT id FROM t LIMIT 9 OFFSET 1", "SELECT id FROM t LIMIT 9 OFFSET 2", true},
		{"SELECT id FROM t LIMIT 9, 1", "SELECT id FROM t LIMIT 9, 2", false},
		{"SELECT id, a FROM t ORDER BY 1", "SELECT id, a FROM t ORDER BY 2", false},
		{"SELECT id, a FROM t ORDER BY id, (1)", "SELECT id, a FROM t ORDER BY id, (2)", false},
		{"SELECT id, a FROM t ORDER BY +1", "SELECT id, a FROM t ORDER BY +2", false},
		{"SELECT a, count(*) FROM t GROUP BY 1", "SELECT a, count(*) FROM t GROUP BY 2", false},
		// The text of an item names the column.
		{"SELECT 1.0 FROM t", "SELECT 1.00 FROM t", false},
		{"SELECT * FROM (SELECT 1.0), t", "SELECT * FROM (SELECT 1.00), t", false},
		{"SELECT (SELECT a FROM t WHERE a = 1.0)", "SELECT (SELECT a FROM t WHERE a = 1.00)", false},
		{"DELETE FROM t WHERE a = 1 RETURNING 1.0", "DELETE FROM t WHERE a = 1 RETURNING 1.00", false},
		// It may name a table, or the time.
		{"SELECT id FROM t WHERE a = 'x'", "SELECT id FROM t WHERE a = 'users'", false},
		{"SELECT id FROM t WHERE a > date('2020-01-01')", "SELECT id FROM t WHERE a > date('now')", false},
		{"SELECT id FROM t WHERE a LIKE 'x' ESCAPE 'a'", "SELECT id FROM t WHERE a LIKE 'x' ESCAPE 'b'", false},
		{"PRAGMA table_info(users)", "PRAGMA table_info(posts)", false},
		{"INSERT INTO t VALUES (1, 'a', x'00')", "INSERT INTO t VALUES (2, 'b', x'ff')", true},
		{"UPDATE t SET a = 1 WHERE b IN (2, 3)", "UPDATE t SET a = 4 WHERE b IN (5, 6)", true},
		{"UPDATE t SET a = 1 WHERE b IN (2, 3)", "UPDATE t SET a = 4 WHERE b IN (5)", false},
		{"SELECT id FROM t WHERE a = \"x\"", "SELECT id FROM t WHERE a = \"y\"", false},
		{"CREATE TABLE x (a DEFAULT 1)", "CREATE TABLE x (a DEFAULT 2)", false},
	} {
		a, b := p.Plan(tt.a, c), p.Plan(tt.b, c)
		if (a.Plan == b.Plan) != tt.want {
			t.Errorf("%s\n%s\nshare a plan: %v", tt.a, tt.b, !tt.want)
		}
		if a.Text == b.Text && reflect.DeepEqual(a.Literals, b.Literals) {
			t.Errorf("%s\n%s\ncannot be told apart by text and literals", tt.a, tt.b)
		}
	}
}

func TestLiftedValues(t *testing.T) {
	p, c := NewPlanner(catalog.SQLite, 0), shop(catalog.SQLite)
	text := "SELECT a FROM t WHERE a IN (7, - 8, 1.5, 'it''s', x'ff00', 0x10, 9223372036854775807, -9223372036854775808)"
	want := []any{
		int64(7), int64(-8), 1.5, "it's", []byte{0xff, 0}, int64(16), int64(1<<63 - 1), int64(-1 << 63),
	}
	p.Plan(strings.Replace(text, "7", "6", 1), c)
	got := p.Plan(text, c).Literals
	if len(got) != len(want) {
		t.Fatalf("literals %v, want %v", got, want)
	}
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("literal %d is %T %v, want %T %v", i, got[i], got[i], want[i], want[i])
		}
	}
}

func TestPlannerIsBounded(t *testing.T) {
	const size = 64
	p, c := NewPlanner(catalog.SQLite, size), shop(catalog.SQLite)
	hot := "SELECT hot FROM t WHERE id = ?"
	plan := p.Plan(hot, c).Plan
	kept := 0
	for i := range 20 * size {
		p.Plan(fmt.Sprintf("SELECT c%d FROM t", i), c)
		if p.Plan(hot, c).Plan == plan {
			kept++
		}
	}
	n := 0
	for i := range p.texts.slots {
		if p.texts.slots[i].Load() != nil {
			n++
		}
	}
	if n > size {
		t.Errorf("%d plans are kept, the bound is %d", n, size)
	}
	if kept < 20*size*9/10 {
		t.Errorf("a plan in constant use was found %d times of %d", kept, 20*size)
	}
}

func TestPlannerBoundsBytes(t *testing.T) {
	p, c := NewPlanner(catalog.SQLite, 64), shop(catalog.SQLite)
	pad := strings.Repeat("x", 20<<10)
	for i := range 200 {
		p.Plan(fmt.Sprintf("SELECT c%d, %s FROM t", i, pad), c)
		if got := p.texts.bytes.Load(); got > p.texts.most+30<<10 {
			t.Fatalf("%d bytes of text are kept, the bound is %d", got, p.texts.most)
		}
	}
}

func TestPlannerIsSharedByGoroutines(t *testing.T) {
	p := NewPlanner(catalog.SQLite, 32)
	cats := []*catalog.Catalog{shop(catalog.SQLite), shop(catalog.SQLite)}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 500 {
				text := fmt.Sprintf("UPDATE t SET a = %d WHERE b%d = 1", i, i%50)
				b := p.Plan(text, cats[(i/100+g)%2])
				if b.Class != Write || len(b.Literals) != 2 || b.Literals[0] != int64(i) {
					t.Errorf("%s: class %v, literals %v", text, b.Class, b.Literals)
				}
			}
		})
	}
	wg.Wait()
}

// TestUnderstoodOrWide shows that what the parser gives up on is neither cached
// nor narrowed.
func TestUnderstoodOrWide(t *testing.T) {
	c := shop(catalog.SQLite)
	for _, text := range []string{
		"SELECT a FROM t WHERE a = 1 gibberish 2",
		"SELECT a FROM t WHERE " + strings.Repeat("(", 2000) + "a" + strings.Repeat(")", 2000),
		"SELECT a FROM t WHERE " + strings.Repeat("NOT ", 5000) + "a",
		"SELECT a FROM t WHERE a = 1\x00",
		"SELECT a FROM t WHERE a = 'x",
		"SELECT * FROM broken",
	} {
		if b := NewPlanner(catalog.SQLite, 1).Plan(text, c); b.Class == Read && b.Uncacheable == "" {
			t.Errorf("%.60s may be cached", text)
		}
	}
	b := NewPlanner(catalog.SQLite, 1).Plan("DELETE FROM posts WHERE id = 1 gibberish", c)
	if want := "main.audit main.comments main.posts"; strings.Join(b.Tables, " ") != want {
		t.Errorf("a write that is not understood touches %v, want %s", b.Tables, want)
	}
	if changes := b.Changes(nil, Facts{}); len(changes) != 3 || changes[0].Op != 0 || changes[0].Old != nil {
		t.Errorf("a write that is not understood changes %v", changes)
	}
}

// TestLongAndDeep plans texts that grow along every chain that the parser
// follows: it gives up on some, and ends.
func TestLongAndDeep(t *testing.T) {
	for _, d := range []catalog.Dialect{catalog.PostgreSQL, catalog.MySQL} {
		c := shop(d)
		for _, unit := range [][3]string{
			{"SELECT a FROM t WHERE ", "(", "a"},
			{"SELECT a FROM t WHERE ", "NOT ", "a"},
			{"SELECT a FROM t WHERE ", "- ", "a"},
			{"SELECT ", "@ ", "a FROM t"},
			{"SELECT ", "ARRAY[", "a"},
			{"SELECT ", "[", "a"},
			{"SELECT a", "::int", " FROM t"},
			{"SELECT a::int", "[]", " FROM t"},
			{"SELECT a::int", " ARRAY[1]", " FROM t"},
			{"SELECT (a)", ".b", " FROM t"},
			{"SELECT a", "[1]", " FROM t"},
			{"SELECT 'a'", " 'a'", " FROM t"},
			{"", "EXPLAIN ", "SELECT 1"},
			{"", "COPY (", "SELECT 1"},
			{"SELECT * FROM ", "(", "t"},
			{"SELECT * FROM t", " JOIN t", " ON a"},
			{"SELECT * FROM t", ", t", ""},
			{"SELECT ", "f(", "1"},
			{"SELECT ", "f(x y, ", "1"},
			{"SELECT ", "CASE WHEN ", "a"},
			{"SELECT ", "BINARY ", "a FROM t"},
			{"SELECT a FROM t GROUP BY ", "ROLLUP (", "a"},
			{"SELECT a FROM t WHERE a", " AND b = 1", ""},
			{"SELECT a FROM t WHERE a", " || b", ""},
			{"SELECT a", " UNION SELECT a", " FROM t"},
			{"SELECT ", "@a, ", "@b INTO @c"},
			{"SELECT ", "a::date, ", "b FROM t"},
			{"SELECT ", "INTERVAL (", "1"},
			{"", "WITH x AS (", "SELECT 1"},
			{"UPDATE t SET a = 1", ", b = 2", ""},
			{"INSERT INTO t VALUES (1)", ", (1)", ""},
			{"DELETE FROM t WHERE a", " AT TIME ZONE b", ""},
			{"SELECT a", " -> 'b'", " FROM t"},
			{"SELECT a FROM t WHERE a", " BETWEEN 1 AND b", ""},
			{"SELECT a FROM t WHERE a = ANY (", "(", "1"},
			{"SELECT a", ".b", " FROM t"},
			{"SELECT numeric(1", ",1", ") 'x'"},
			{"/*!", " /*! ", "SELECT 1"},
			{"TRUNCATE t", ", t", ""},
			{"SET a = 1", ", b = 2", ""},
		} {
			text := unit[0] + strings.Repeat(unit[1], 10_000) + unit[2]
			if b := NewPlanner(d, 1).Plan(text, c); b.Plan == nil {
				t.Errorf("%.60s: no plan", text)
			}
		}
	}
}
