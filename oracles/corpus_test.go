package oracles

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cacheops/cacheops/internal/catalog"
)

// corpus is every statement in the test data for a dialect: testdata/*.sql here,
// one to a line, and the statements of package sqldep's tests.
func corpus(t *testing.T, d catalog.Dialect) []string {
	prefix := map[catalog.Dialect]string{
		catalog.SQLite: "sqlite", catalog.PostgreSQL: "postgres", catalog.MySQL: "mysql",
	}[d]
	data, err := os.ReadFile(filepath.Join("testdata", prefix+".sql"))
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "-- ") {
			texts = append(texts, line)
		}
	}
	var files []string
	for _, glob := range []string{"../internal/sqldep/testdata/*/*.txt", "../integration/sqldep/testdata/*/*.txt"} {
		found, err := filepath.Glob(glob)
		if err != nil || len(found) == 0 {
			t.Fatalf("no test data in %s: %v", glob, err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		base := filepath.Base(file)
		other := strings.HasPrefix(base, "postgres") || strings.HasPrefix(base, "mysql")
		if strings.HasPrefix(base, prefix) || d == catalog.SQLite && !other {
			texts = append(texts, blocks(t, file)...)
		}
	}
	return texts
}

// blocks returns what stands before each line of four dashes, without the
// arguments.
func blocks(t *testing.T, file string) []string {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for block := range strings.SplitSeq(string(data), "\n\n") {
		if sql, _, ok := strings.Cut(block, "\n----"); ok {
			sql, _, _ = strings.Cut(sql, "\nargs:")
			texts = append(texts, strings.TrimSpace(sql))
		}
	}
	return texts
}
