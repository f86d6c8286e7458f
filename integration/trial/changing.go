package trial

import "testing"

// Changing is a read whose result a write changes, by a way that a wrong rule would
// miss.
type Changing struct {
	// Schema are statements that make tables t and u, with rows.
	Schema []string
	Read   string
	Args   []any
	Write  string
}

// Fresh runs every write behind its read, which is kept, and compares what the read
// says then with the bare database. The database must really have changed.
func Fresh(t *testing.T, w *World, cases []Changing) {
	for _, c := range cases {
		t.Run(c.Read, func(t *testing.T) {
			on := *w
			on.TB = t
			Script(t, w.DB, "DROP TABLE IF EXISTS t", "DROP TABLE IF EXISTS u")
			Script(t, w.DB, c.Schema...)
			on.Warm(c.Read, c.Args...)
			before, _ := Read(t, w.Bare, c.Read, c.Args...)
			Exec(t, w.DB, c.Write)
			on.Same(c.Read, c.Args...)
			if after, _ := Read(t, w.Bare, c.Read, c.Args...); after == before {
				t.Errorf("%s changes nothing: %s", c.Write, after)
			}
		})
	}
}
