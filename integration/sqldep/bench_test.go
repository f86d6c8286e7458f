package sqldep_test

import (
	"database/sql/driver"
	"os"
	"strings"
	"testing"

	"github.com/cacheops/cacheops/integration/lite"
	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// BenchmarkUses is what a miss pays for knowing what it depends on.
func BenchmarkUses(b *testing.B) {
	raw, err := os.ReadFile("testdata/read/people.txt")
	if err != nil {
		b.Fatal(err)
	}
	ddl, _, _ := strings.Cut(string(raw), "\n\n")
	cat := lite.Catalog(b, lite.Open(b, ddl))
	p := sqldep.NewPlanner(catalog.SQLite, 0)
	for _, c := range []struct{ name, text string }{
		{"key", "SELECT * FROM users WHERE id = ?"},
		{"list", "SELECT * FROM articles WHERE category = ? AND published = 1 ORDER BY created_at DESC LIMIT 20"},
		{"join", "SELECT a.title, u.name FROM articles a JOIN users u ON u.id = a.author_id WHERE a.author_id = ?"},
		{"range", "SELECT * FROM events WHERE at > ?"},
	} {
		args := []driver.NamedValue{{Ordinal: 1, Value: int64(5)}}
		b.Run(c.name, func(b *testing.B) {
			plan := p.Plan(c.text, cat)
			if plan.Uncacheable != "" {
				b.Fatal(plan.Uncacheable)
			}
			b.ReportAllocs()
			for b.Loop() {
				plan.Uses(args)
			}
		})
	}
}
