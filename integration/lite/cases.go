package lite

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cacheops/cacheops/internal/catalog"
)

// Case is one paragraph of a file of cases: what stands above its line of
// dashes, without the lines that Cases has taken out.
type Case struct {
	SQL string
	// Options are the lines that start with one of the words given to Cases,
	// without it.
	Options map[string]string
}

// Cases runs the files that a pattern names. The first paragraph of a file is
// its schema, which SQLite runs; each of the others is a statement, which SQLite
// must accept, perhaps with lines that start with one of the option words, then
// a line of dashes and what show says of it. With rewrite what show says takes
// the place of what stands there.
func Cases(t *testing.T, pattern string, rewrite bool, options []string, show func(t *testing.T, cat *catalog.Catalog, c Case) string) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatal("no files of cases", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			runCases(t, file, rewrite, options, show)
		})
	}
}

func runCases(t *testing.T, file string, rewrite bool, options []string, show func(*testing.T, *catalog.Catalog, Case) string) {
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	paragraphs := strings.Split(strings.TrimSpace(string(raw)), "\n\n")
	conn := Open(t, paragraphs[0])
	cat := Catalog(t, conn)
	out := paragraphs[:1]
	for _, p := range paragraphs[1:] {
		head, want, _ := strings.Cut(p, "\n----\n")
		head = strings.TrimSuffix(head, "\n----")
		c := newCase(head, options)
		if err := compiles(t, conn, c.SQL); err != nil {
			t.Errorf("%s: %s: %v", file, c.SQL, err)
		}
		got := show(t, cat, c)
		if got != want && !rewrite {
			t.Errorf("%s: %s\ngot\n%s\nwant\n%s", file, head, got, want)
		}
		out = append(out, head+"\n----\n"+got)
	}
	if rewrite {
		if err := os.WriteFile(file, []byte(strings.Join(out, "\n\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func compiles(t *testing.T, conn *sql.Conn, text string) error {
	stmt, err := conn.PrepareContext(t.Context(), text)
	if err != nil {
		return err
	}
	defer stmt.Close()
	return nil
}

func newCase(head string, options []string) Case {
	c := Case{Options: make(map[string]string)}
	var sql []string
lines:
	for line := range strings.SplitSeq(head, "\n") {
		for _, o := range options {
			if rest, ok := strings.CutPrefix(line, o+" "); ok {
				c.Options[o] = rest
				continue lines
			}
		}
		sql = append(sql, line)
	}
	c.SQL = strings.Join(sql, "\n")
	return c
}
