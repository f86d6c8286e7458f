package cli

import "testing"

// TestExplain: on every kind of database, by its own rules.
func TestExplain(t *testing.T) {
	for _, c := range []struct {
		kind, sql string
		args      []string
		says      []string
	}{
		{"PostgreSQL", "SELECT id FROM item WHERE category = $1 AND upper(title) = 'X'", []string{"--arg", "5"}, []string{
			"(?m)^op +fetch of item$", "(?m)^cached +yes", "(?m)^table +public.item$", "(?m)^  region +category = 5$",
			`(?m)^widened +upper\(title\) = 'X': upper\(title\) is a function's result`,
		}},
		{"PostgreSQL", "SELECT * FROM item WHERE id = 3", nil, []string{"(?m)^op +get of item$", "(?m)^  inserts +drop nothing"}},
		{"PostgreSQL", "SELECT id FROM item WHERE at > now()", nil, []string{"(?m)^cached +no: calls now, "}},
		{"PostgreSQL", "SELECT id FROM item WHERE title ILIKE 'x%'", nil, []string{"(?m)^widened .*ILIKE ignores case"}},
		{"PostgreSQL", "SELECT id FROM item_view", nil, []string{"(?m)^table +public.item$", "(?m)^  region +everything$"}},
		{"PostgreSQL", "SELECT id FROM item FOR UPDATE", nil, []string{"(?m)^cached +no: locks rows"}},
		{"PostgreSQL", "SELECT tableoid FROM item", nil, []string{"(?m)^cached +no: "}},
		{"MySQL", "SELECT id FROM item WHERE category = ? AND title = 'x'", []string{"--arg", "5"}, []string{
			"(?m)^op +fetch of item$", "(?m)^cached +yes", `(?m)^  region +.*category = 5`,
		}},
		{"MySQL", "SELECT id FROM item WHERE title = 7", nil, []string{"(?m)^  region +everything$", "(?m)^widened +title = 7: "}},
		{"MySQL", "SELECT @a FROM item", nil, []string{"(?m)^cached +no: "}},
		{"MySQL", "DELETE FROM item WHERE category = 2", nil, []string{"(?m)^statement +write$", "(?m)^  region +category = 2$"}},
		{"SQLite", "SELECT id FROM item /* cacheops: ttl=7s */", nil, []string{"(?m)^rule +a hint in the text$", "(?m)^cached +yes, for 7s$"}},
		{"SQLite", "SELECT id FROM item -- cacheops: of", nil, []string{`(?m)^cached +no: malformed hint: "of" is none of on, off`}},
		{"SQLite", "SELECT id FROM item WHERE folded = 'a' AND loose = 7", nil, []string{"(?m)^cached +yes", "(?m)^table +main.item$"}},
	} {
		t.Run(c.kind+" "+c.sql, func(t *testing.T) {
			w := newWorld(t, c.kind)
			status, out, talk := w.run("", append([]string{"explain", c.sql}, c.args...)...)
			if status != 0 || talk != "" {
				t.Fatalf("status %d, said %q", status, talk)
			}
			for _, pattern := range c.says {
				if !matches(pattern, out) {
					t.Errorf("says nothing like %s:\n%s", pattern, out)
				}
			}
		})
	}
}

// TestExplainedNarrowing: a condition that narrows nothing is told of, whichever
// it is.
func TestExplainedNarrowing(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kind)
			told, narrowed := 0, 0
			for i := range w.columns {
				for _, v := range w.columns[i].list() {
					for _, cond := range []string{w.columns[i].is(v), w.columns[i].name + " <> " + v, "NOT (" + w.columns[i].is(v) + ")"} {
						status, out, talk := w.run("", "explain", "SELECT id FROM item WHERE "+cond)
						if status != 0 {
							t.Fatalf("%s: %s", cond, talk)
						}
						switch wide, note := matches("(?m)^  region +everything$", out), matches("(?m)^widened ", out); {
						case wide && !note && !matches("(?m)^cached +no", out):
							t.Errorf("%s: nobody says why it narrows nothing\n%s", cond, out)
						case !wide && note:
							t.Errorf("%s: it is said to narrow nothing\n%s", cond, out)
						case wide:
							told++
						default:
							narrowed++
						}
					}
				}
			}
			if told == 0 || narrowed == 0 {
				t.Errorf("%d conditions narrow, %d do not: the test is dull", narrowed, told)
			}
		})
	}
}
