package cli

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/redisstore"
)

var (
	liteColumns = []column{
		{"category", "INTEGER", "1|2|NULL"},
		{"title", "TEXT", "'a'|'B'|''|'7'"},
		{"folded", "TEXT COLLATE NOCASE", "'a'|'A'|'b'"},
		{"price", "REAL", "1|1.5|-0.0"},
		{"sum", "NUMERIC(10,2)", "1|'1.50'|1e3"},
		{"loose", "", "7|'7'|7.5|x'37'"},
		{"day", "DATETIME", "'2026-11-23'|'2026-11-23 05:00:00'"},
		{"flag", "BOOLEAN", "0|1"},
	}
	pgColumns = []column{
		{"category", "integer", "1|2|NULL"},
		{"title", "text", "'a'|'B'|''|'7'"},
		{"code", "char(4)", "'a'|'ab  '"},
		{"price", "numeric(10,2)", "1|1.5|-2"},
		{"free", "numeric", "1|1.0|1.50"},
		{"ratio", "double precision", "1|0.1|-1e300"},
		{"narrow", "real", "1|0.1|16777217"},
		{"day", "date", "'2026-11-23'|'2025-01-01'"},
		{"at", "timestamptz", "'2026-11-23 05:00:00.123456+00'|'2026-11-23 06:00:00+01'"},
		{"local", "timestamp", "'2026-11-23 05:00:00.123456'|'infinity'"},
		{"flag", "boolean", "true|false|NULL"},
		{"tag", "uuid", "'00000000-0000-0000-0000-00000000000a'|'00000000-0000-0000-0000-00000000000b'"},
		{"raw", "bytea", "'\\x01'|'\\x'"},
	}
	myColumns = []column{
		{"category", "int", "1|2|NULL"},
		{"title", "varchar(20)", "'a'|'B'|''|'7'|'07'"},
		{"exact", "varchar(20) COLLATE utf8mb4_bin", "'a'|'A'|'é'"},
		{"code", "char(4)", "'a'|'ab  '"},
		{"price", "decimal(10,2)", "1|1.5|-2"},
		{"ratio", "double", "1|0.1|-1e300"},
		{"narrow", "float", "1|0.1|16777216"},
		{"day", "date", "'2026-11-23'|'2025-01-01'"},
		{"at", "datetime(6)", "'2026-11-23 05:00:00.123456'|'2026-11-23 05:00:00'"},
		{"stamp", "timestamp NULL", "'2026-11-23 05:00:00'|NULL"},
		{"flag", "tinyint(1)", "0|1"},
		{"mood", "enum('good','bad')", "'good'|'bad'"},
		{"raw", "varbinary(8)", "x'01'|x''"},
	}
)

// values are a column's, as literals.
func (c *column) list() []string { return strings.Split(c.values, "|") }

func (c *column) is(value string) string {
	if value == "NULL" {
		return c.name + " IS NULL"
	}
	return c.name + " = " + value
}

// reads are queries for rows by each value of each column, and some others.
func (w *world) reads() (queries []string) {
	for i := range w.columns {
		for _, v := range w.columns[i].list() {
			queries = append(queries, "SELECT id FROM item WHERE "+w.columns[i].is(v)+" ORDER BY id")
		}
	}
	for id := range ids {
		queries = append(queries, fmt.Sprintf("SELECT id, category, title, price, day, flag FROM item WHERE id = %d", id))
	}
	return append(queries,
		"SELECT count(*) FROM item WHERE category > 1", "SELECT count(*) FROM item WHERE price BETWEEN 0 AND 1.2",
		"SELECT id FROM item WHERE category = 1 AND flag = "+w.columns[w.column("flag")].list()[0]+" ORDER BY id",
		"SELECT max(id) FROM item", "SELECT count(*) FROM item_view",
	)
}

func (w *world) column(name string) int {
	for i := range w.columns {
		if w.columns[i].name == name {
			return i
		}
	}
	w.Fatalf("no column %s", name)
	return 0
}

const ids = 6

func (w *world) insert(rng *rand.Rand, id int) {
	w.Helper()
	values := []string{fmt.Sprint(id)}
	for i := range w.columns {
		list := w.columns[i].list()
		values = append(values, list[rng.IntN(len(list))])
	}
	w.exec("INSERT INTO item VALUES (" + strings.Join(values, ", ") + ")")
}

// printed is a column's value in a row as somebody would give it to the command.
func (w *world) printed(id int, c *column) string {
	w.Helper()
	expr := "CAST(" + c.name + " AS text)"
	switch {
	case w.lite:
		expr = "CASE typeof(" + c.name + ") WHEN 'text' THEN '''' || " + c.name + " || '''' ELSE " + c.name + " END"
	case w.mysql:
		expr = "CAST(" + c.name + " AS char)"
	}
	var v *string
	query := fmt.Sprintf("SELECT %s FROM item WHERE id = %d", expr, id)
	if err := w.bare.QueryRowContext(w.Context(), query).Scan(&v); err != nil {
		w.Fatal(err)
	}
	if v == nil {
		return "NULL"
	}
	return *v
}

var kinds = []string{"SQLite", "PostgreSQL", "MySQL"}

// TestInvalidateRows is the judge: rows are changed past the cache, the command is
// told of each, and every read must then be what the database returns.
func TestInvalidateRows(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kind)
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			rng := rand.New(rand.NewPCG(seed, 1))
			there := map[int]bool{}
			for id := range ids - 1 {
				w.insert(rng, id)
				there[id] = true
			}
			clients := []*client{
				w.client(redisstore.Options{}, cacheops.Rule{}),
				w.client(redisstore.Options{}, cacheops.Rule{}),
			}
			rounds := 12
			if testing.Short() {
				rounds = 4
			}
			kept := 0
			for round := range rounds {
				for _, c := range clients {
					for _, q := range w.reads() {
						c.warm(q)
					}
				}
				args := w.change(rng, there, round)
				w.invalidate(args...)
				for _, c := range clients {
					for _, q := range w.reads() {
						got, hit := c.read(q)
						if want := w.rows(t.Context(), w.bare, q); got != want {
							t.Fatalf("after %q\n%s\nreturns %q, hit %v, and the database %q", args, q, got, hit, want)
						}
						if hit {
							kept++
						}
					}
				}
			}
			if kept < rounds*len(w.columns) {
				t.Errorf("only %d of %d reads were still answered: the rows' values are not used", kept, 2*rounds*len(w.reads()))
			}
		})
	}
}

// change changes one row past the cache, and returns what to tell the command.
func (w *world) change(rng *rand.Rand, there map[int]bool, round int) (args []string) {
	w.Helper()
	id := rng.IntN(ids)
	args = []string{"item", fmt.Sprint("id=", id)}
	switch {
	case !there[id]:
		w.insert(rng, id)
		there[id] = true
		return args
	case round%5 == 4:
		w.exec(fmt.Sprintf("DELETE FROM item WHERE id = %d", id))
		there[id] = false
		return args
	}
	was := map[string]string{}
	var sets []string
	for range 1 + rng.IntN(3) {
		c := &w.columns[rng.IntN(len(w.columns))]
		if _, twice := was[c.name]; twice || c.name == "raw" || c.name == "loose" { // which no command line can spell
			continue
		}
		list := c.list()
		was[c.name] = w.printed(id, c)
		sets = append(sets, c.name+" = "+list[rng.IntN(len(list))])
	}
	if len(sets) == 0 {
		return args
	}
	w.exec(fmt.Sprintf("UPDATE item SET %s WHERE id = %d", strings.Join(sets, ", "), id))
	if round%5 == 3 {
		return append(args, "--moved")
	}
	for col, v := range was {
		args = append(args, "--was", col+"="+v)
	}
	return args
}

// TestInvalidateTables: tables, globs and everything, for programs in whatever
// mode, and what is not meant stays.
func TestInvalidateTables(t *testing.T) {
	const item, a, b, view = "SELECT count(*) FROM item", "SELECT count(*) FROM news_a", "SELECT count(*) FROM news_b", "SELECT count(*) FROM item_view"
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kind)
			clients := []*client{
				w.client(redisstore.Options{}, cacheops.Rule{}),
				w.client(redisstore.Options{Mode: redisstore.Tracked}, cacheops.Rule{}),
				w.client(redisstore.Options{Prefix: "other"}, cacheops.Rule{}),
				w.client(redisstore.Options{Prefix: "shared"}, cacheops.Rule{DBAgnostic: true}),
			}
			const other, shared = 2, 3
			for _, c := range []struct {
				args []string
				out  string
				gone []string
				kept []string
				of   []int
			}{
				{[]string{"item"}, "item\n", []string{item, view}, []string{a, b}, []int{0, 1}},
				{[]string{"news_*"}, "news_a\n.*news_b\n", []string{a, b}, []string{item, view}, []int{0, 1}},
				{[]string{"news_[a]"}, "news_a\n", []string{a}, []string{b, item}, []int{0, 1}},
				{[]string{"all", "--yes"}, "all\n", []string{a, b, item, view}, nil, []int{0, 1}},
				{[]string{"item", "--prefix", "other"}, "item\n", []string{item, view}, []string{a}, []int{other}},
				{[]string{"item", "--prefix", "shared"}, "item\n", []string{item, view}, []string{a}, []int{shared}},
				{[]string{"all", "-y", "--prefix", "shared"}, "all\n", []string{item, a}, nil, []int{shared}},
			} {
				for _, cl := range clients {
					for _, q := range []string{item, a, b, view} {
						cl.warm(q)
					}
				}
				out, talk := w.invalidate(c.args...)
				if !matches(c.out, out) {
					t.Errorf("%q printed %q and said %q", c.args, out, talk)
				}
				for i, cl := range clients {
					meant := slices.Contains(c.of, i)
					for _, q := range c.gone {
						if meant {
							cl.gone(t, q)
						} else if _, hit := cl.read(q); !hit {
							t.Errorf("%q has dropped %s of client %d", c.args, q, i)
						}
					}
					for _, q := range c.kept {
						if _, hit := cl.read(q); !hit {
							t.Errorf("%q has dropped %s of client %d", c.args, q, i)
						}
					}
				}
			}
		})
	}
}

// TestInvalidateRefuses: what cannot be done, or was not meant, drops nothing and
// says why.
func TestInvalidateRefuses(t *testing.T) {
	const item = "SELECT count(*) FROM item"
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kind)
			c := w.client(redisstore.Options{}, cacheops.Rule{})
			c.warm(item)
			for _, r := range []struct {
				stdin string
				args  []string
				says  string
			}{
				{"", []string{"all"}, "not confirmed"},
				{"no\n", []string{"all"}, "not confirmed"},
				{"y\n", []string{"all"}, "not confirmed"},
				{"", []string{"items"}, "no such table"},
				{"", []string{"items", "id=1"}, "no such table"},
				{"", []string{"item_view"}, "is a view"},
				{"", []string{"item_view", "id=1"}, "is a view"},
				{"", []string{"nothing_*"}, "no table matches"},
				{"", []string{"[x"}, "no glob"},
				{"", []string{"item", "id"}, "is not COLUMN=VALUE"},
				{"", []string{"item", "id=1", "id=2"}, "given twice"},
				{"", []string{"item", "nr=1"}, "no column"},
				{"", []string{"item", "id=1", "--was", "nr=1"}, "no column"},
				{"", []string{"item", "--moved"}, "are about rows"},
				{"", []string{"item*", "id=1"}, "needs one table"},
				{"", []string{"all", "id=1"}, "needs one table"},
				{"", []string{"item", "--redis", "redis://127.0.0.1:1/0"}, "could not be told"},
				{"", []string{"item", "--db", "/nowhere.db"}, "no such file"},
				{"", []string{"item", "--db", "oracle://x"}, "neither postgres, mysql nor a file"},
			} {
				status, out, talk := w.run(r.stdin, append([]string{"invalidate"}, r.args...)...)
				if status != 2 || out != "" || !strings.Contains(talk, r.says) {
					t.Errorf("%q: status %d, %q, said %q, want %q", r.args, status, out, talk, r.says)
				}
				if _, hit := c.read(item); !hit {
					t.Errorf("%q has dropped something", r.args)
				}
			}
			status, out, talk := w.run("yes\n", "invalidate", "all", "--json")
			if status != 0 || !strings.Contains(out, `"all":true`) || strings.Contains(talk, "root:") {
				t.Errorf("status %d, %q, said %q", status, out, talk)
			}
			c.gone(t, item)
		})
	}
}

// TestInvalidateTyped: a column without a type holds 7 and '7', and a command line
// can mean either.
func TestInvalidateTyped(t *testing.T) {
	w := newWorld(t, "SQLite")
	c := w.client(redisstore.Options{}, cacheops.Rule{})
	const number, text = "SELECT count(*) FROM item WHERE loose = 7", "SELECT count(*) FROM item WHERE loose = '7'"
	for _, r := range []struct{ arg, gone, kept string }{{"loose=7", number, text}, {"loose='7'", text, number}} {
		for _, there := range []bool{false, true} {
			if there {
				w.exec("INSERT INTO item (loose) VALUES (7), ('7')")
			}
			c.warm(number)
			c.warm(text)
			w.invalidate("item", r.arg)
			c.gone(t, r.gone)
			if _, hit := c.read(r.kept); !hit {
				t.Errorf("%s has dropped %s", r.arg, r.kept)
			}
		}
		w.exec("DELETE FROM item")
		w.invalidate("item")
	}
}
